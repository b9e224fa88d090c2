// toml++ behind a C interface: the tree of a TOML document as a list in document-independent order, every entry with
// its place in the text. Nothing here throws; memory that runs out is an error of the document.
#ifndef POSTROOM_CTOML_H
#define POSTROOM_CTOML_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ctoml_document ctoml_document;

enum ctoml_kind {
  ctoml_table = 0,
  ctoml_array = 1,
  ctoml_string = 2,
  ctoml_integer = 3,
  ctoml_float = 4,
  ctoml_boolean = 5,
  ctoml_time = 6,  // a date, a time or both, in `text` as TOML writes it
};

typedef struct ctoml_entry {
  int kind;
  uint32_t line, column;          // of the value, from 1
  uint32_t key_line, key_column;  // of the key; 0 in an array
  const char *key;                // UTF-8, not terminated; NULL in an array
  size_t key_length;
  const char *text;               // UTF-8, not terminated: string, time
  size_t text_length;
  int64_t integer;                // integer, boolean
  double real;                    // float
  size_t children;                // table, array: as many entries follow, each with its own children behind it
} ctoml_entry;

// Reads a document. NULL only where there is no memory for the answer itself. To be freed.
ctoml_document *ctoml_read(const char *text, size_t length);
void ctoml_free(ctoml_document *document);

// The syntax error that ended the reading, or NULL. The text lives as long as the document.
const char *ctoml_error(const ctoml_document *document, uint32_t *line, uint32_t *column);

// The entries in pre-order; the first is the document's own table. 0 after an error.
size_t ctoml_count(const ctoml_document *document);
// Fills the entry of that index; its pointers live as long as the document. Out of bounds: 0.
int ctoml_get(const ctoml_document *document, size_t index, ctoml_entry *entry);

#ifdef __cplusplus
}
#endif

#endif
