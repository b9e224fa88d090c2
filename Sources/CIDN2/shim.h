#ifndef POSTROOM_CIDN2_H
#define POSTROOM_CIDN2_H
#include <idn2.h>
#endif
