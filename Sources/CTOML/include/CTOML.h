#ifndef POSTROOM_CTOML_H
#define POSTROOM_CTOML_H
#endif
