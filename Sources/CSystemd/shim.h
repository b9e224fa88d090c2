#ifndef POSTROOM_CSYSTEMD_H
#define POSTROOM_CSYSTEMD_H
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>
#endif
