#ifndef POSTROOM_CUNBOUND_H
#define POSTROOM_CUNBOUND_H
#include <unbound.h>
#endif
