#include "CTOML.h"

// toml++ asserts that a table's name begins like a name before it looks, and reports well if it then does not: without
// the assertion `[.smtp]` is an error with its line, with it the end of the process. NDEBUG would make it an assumption.
#undef NDEBUG
#define TOML_ASSERT(condition) static_cast<void>(0)
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 1
#include <toml++/toml.h>

#include <new>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Entry {
  int kind = ctoml_table;
  toml::source_position value{}, key_place{};
  bool has_key = false;
  std::string key, text;
  int64_t integer = 0;
  double real = 0;
  size_t children = 0;
};

template <typename T>
std::string written(const T &value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

// Finds a key of more than a thousand parts (`a.a.a. …`): toml++ makes a table in a table of each, without a limit.
// Counts dots with nothing between them that would end a key; no value or comment of a sane file has so many either.
bool dots_too_deep(std::string_view text, uint32_t &line) {
  size_t dots = 0;
  line = 1;
  for (char c : text) {
    switch (c) {
      case '.':
        if (++dots > 1000) return true;
        break;
      case '\n':
        line++;
        [[fallthrough]];
      case '=': case ',': case '[': case ']': case '{': case '}':
        dots = 0;
        break;
      default: break;
    }
  }
  return false;
}

}  // namespace

struct ctoml_document {
  std::vector<Entry> entries;
  std::string error;
  uint32_t line = 0, column = 0;
  bool failed = false;

  void fail(std::string what, toml::source_position place) {
    error = std::move(what);
    line = place.line;
    column = place.column;
    failed = true;
    entries.clear();
  }

  // toml++ limits the nesting of arrays and inline tables, and `dots_too_deep` that of dotted keys, so the recursion
  // here and in toml++'s destructors is bounded.
  void add(const toml::node &node, const toml::key *key) {
    Entry entry;
    entry.value = node.source().begin;
    if (key != nullptr) {
      entry.has_key = true;
      entry.key = std::string(key->str());
      entry.key_place = key->source().begin;
    }
    if (auto *text = node.as_string()) {
      entry.kind = ctoml_string;
      entry.text = text->get();
    } else if (auto *integer = node.as_integer()) {
      entry.kind = ctoml_integer;
      entry.integer = integer->get();
    } else if (auto *real = node.as_floating_point()) {
      entry.kind = ctoml_float;
      entry.real = real->get();
    } else if (auto *boolean = node.as_boolean()) {
      entry.kind = ctoml_boolean;
      entry.integer = boolean->get() ? 1 : 0;
    } else if (auto *date = node.as_date()) {
      entry.kind = ctoml_time;
      entry.text = written(date->get());
    } else if (auto *time = node.as_time()) {
      entry.kind = ctoml_time;
      entry.text = written(time->get());
    } else if (auto *date_time = node.as_date_time()) {
      entry.kind = ctoml_time;
      entry.text = written(date_time->get());
    } else if (auto *array = node.as_array()) {
      entry.kind = ctoml_array;
      entry.children = array->size();
      entries.push_back(std::move(entry));
      for (const auto &child : *array) add(child, nullptr);
      return;
    } else if (auto *table = node.as_table()) {
      entry.kind = ctoml_table;
      entry.children = table->size();
      entries.push_back(std::move(entry));
      for (auto &&[child_key, child] : *table) add(child, &child_key);
      return;
    }
    entries.push_back(std::move(entry));
  }
};

ctoml_document *ctoml_read(const char *text, size_t length) {
  auto *document = new (std::nothrow) ctoml_document;
  if (document == nullptr) return nullptr;
  try {
    uint32_t line;
    if (dots_too_deep(std::string_view(text, length), line)) {
      document->fail("this key has too many parts", {line, 1});
      return document;
    }
    auto result = toml::parse(std::string_view(text, length));
    if (!result) {
      document->fail(std::string(result.error().description()), result.error().source().begin);
    } else {
      document->add(result.table(), nullptr);
    }
  } catch (...) {
    document->entries.clear();
    document->failed = true;
  }
  return document;
}

void ctoml_free(ctoml_document *document) { delete document; }

const char *ctoml_error(const ctoml_document *document, uint32_t *line, uint32_t *column) {
  if (!document->failed) return nullptr;
  *line = document->line;
  *column = document->column;
  return document->error.empty() ? "there is not enough memory to read it" : document->error.c_str();
}

size_t ctoml_count(const ctoml_document *document) { return document->entries.size(); }

int ctoml_get(const ctoml_document *document, size_t index, ctoml_entry *out) {
  if (index >= document->entries.size()) return 0;
  const Entry &entry = document->entries[index];
  out->kind = entry.kind;
  out->line = entry.value.line;
  out->column = entry.value.column;
  out->key_line = entry.has_key ? entry.key_place.line : 0;
  out->key_column = entry.has_key ? entry.key_place.column : 0;
  out->key = entry.has_key ? entry.key.data() : nullptr;
  out->key_length = entry.key.size();
  out->text = entry.text.data();
  out->text_length = entry.text.size();
  out->integer = entry.integer;
  out->real = entry.real;
  out->children = entry.children;
  return 1;
}
