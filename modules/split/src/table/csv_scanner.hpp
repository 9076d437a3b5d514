// Cuts CSV into fields (RFC 4180 §2, with any delimiter), without copying.
#pragma once

#include <string>
#include <string_view>

namespace saola::split {

// What came after a field.
enum class FieldEnd { kComma, kRecord, kError };

struct Field {
  // Between the separators; without the enclosing quotes, but with inner quotes still doubled.
  std::string_view raw;
  bool quoted = false;

  std::string text() const;
};

class CsvScanner {
 public:
  explicit CsvScanner(std::string_view bytes, char delimiter = ',')
      : next_(bytes.data()), end_(bytes.data() + bytes.size()), delimiter_(delimiter) {}

  bool at_end() const { return next_ == end_; }
  const char* position() const { return next_; }
  // Why next() said kError, to follow "column 'x': "; the position is then where the fault is.
  std::string_view error() const { return error_; }

  // Reads the next field. The end of the input ends a record.
  FieldEnd next(Field& field);

  // Reads the next field when it is a plain decimal number ("-12.5", no blanks, no quotes, at most
  // 19 digits), which is what most fields are. False: nothing was read, use next(). `decimals` is
  // the number of digits after the point, -1 without a point.
  bool next_number(double& value, int& decimals, FieldEnd& field_end);

 private:
  FieldEnd next_quoted(Field& field);
  FieldEnd finish();
  FieldEnd fault(std::string_view error, const char* where);

  const char* next_;
  const char* end_;
  const char delimiter_;
  std::string_view error_;
};

// Reads all of `text`, with blanks around it allowed, as a number: decimal or scientific, '.' as
// the decimal point, infinity by name. A number too large for a double becomes infinite.
bool parse_number(std::string_view text, double& value);

}  // namespace saola::split
