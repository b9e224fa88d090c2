#ifndef POSTROOM_CSQLITE_H
#define POSTROOM_CSQLITE_H
#include <sqlite3.h>
#endif
