#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <unordered_map>
#include <utility>

#include <saola/split/csv.hpp>

#include "table/csv_scanner.hpp"
#include "table/gunzip.hpp"
#include "table/quoted.hpp"
#include "table/utf8.hpp"

namespace saola::split {
namespace {

constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";

std::size_t line_of(std::string_view bytes, std::size_t offset) {
  return static_cast<std::size_t>(
             std::count(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(offset), '\n')) +
         1;
}

// Refuses what is not text in UTF-8, naming what it is where that can be told.
Result<void> check_text(std::string_view bytes) {
  struct Magic {
    std::string_view bytes;
    std::string_view what;
  };
  constexpr std::array<Magic, 6> kOthers = {
      {{"PK\x03\x04", "a zip archive or Excel workbook"},
       {"PAR1", "a Parquet file"},
       {"%PDF-", "a PDF"},
       {"\x28\xB5\x2F\xFD", "compressed with zstd; only gzip is read"},
       {"BZh", "compressed with bzip2; only gzip is read"},
       {std::string_view("\xFD"
                         "7zXZ\0",
                         6),
        "compressed with xz; only gzip is read"}}};
  for (const auto& other : kOthers) {
    if (bytes.starts_with(other.bytes)) {
      return fail(ErrorCode::kUnsupported,
                  "the file is not CSV: it looks like {}; save it as CSV in UTF-8", other.what);
    }
  }
  if (bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF")) {
    return fail(ErrorCode::kUnsupported, "the file is in UTF-16; save it as CSV in UTF-8");
  }
  if (const auto zero = bytes.find('\0'); zero != std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument,
                "the file is binary, not CSV: line {} has a NUL byte (offset {}); save it as CSV "
                "in UTF-8",
                line_of(bytes, zero), zero);
  }
  if (const auto bad = find_invalid_utf8(bytes)) {
    return fail(ErrorCode::kInvalidArgument,
                "line {} is not UTF-8: byte 0x{:02X} at offset {}; save the file as CSV in UTF-8",
                line_of(bytes, *bad), static_cast<unsigned char>(bytes[*bad]), *bad);
  }
  return {};
}

}  // namespace

// Fills a Table from the text of a file.
class TableReader {
 public:
  TableReader(std::string bytes, const CsvLimits& limits) : limits_(limits) {
    table_.bytes_ = std::move(bytes);
  }

  Result<Table> read() && {
    if (auto ok = check_text(table_.bytes_); !ok) return std::unexpected(std::move(ok).error());
    // Blank lines at the end are no records. They go for good, for cells are read from bytes_
    // later.
    table_.bytes_.resize(table_.bytes_.find_last_not_of("\r\n") + 1);
    std::string_view content = table_.bytes_;
    if (content.starts_with(kUtf8Mark)) content.remove_prefix(kUtf8Mark.size());
    if (content.find_first_not_of(" \t\r\n") == content.npos) {
      return fail(ErrorCode::kInvalidArgument,
                  "the file is empty; it needs a header line and at least two rows");
    }

    CsvScanner scanner(content);
    if (auto ok = read_header(scanner); !ok) return std::unexpected(std::move(ok).error());
    table_.row_starts_.reserve(estimate_rows(scanner, content));
    for (auto& column : table_.columns_) column.values.reserve(table_.row_starts_.capacity());
    while (!scanner.at_end()) {
      if (auto ok = read_row(scanner); !ok) return std::unexpected(std::move(ok).error());
    }
    if (table_.rows() == 0) {
      return fail(ErrorCode::kInvalidArgument,
                  "the file has a header line but no rows; there is nothing to split");
    }
    for (auto& column : table_.columns_) {
      if (!column.numeric()) column.values = {};
    }
    return std::move(table_);
  }

 private:
  std::size_t offset(const CsvScanner& scanner) const {
    return static_cast<std::size_t>(scanner.position() - table_.bytes_.data());
  }

  // A guess from the first line after the header; vectors grow when it is low.
  std::size_t estimate_rows(const CsvScanner& scanner, std::string_view content) const {
    const auto left =
        content.size() - static_cast<std::size_t>(scanner.position() - content.data());
    const auto* const newline =
        left == 0 ? nullptr : static_cast<const char*>(std::memchr(scanner.position(), '\n', left));
    if (newline == nullptr) return 1;
    const auto line = static_cast<std::size_t>(newline - scanner.position()) + 1;
    return std::min<std::size_t>(left / line + 1, limits_.cells / table_.columns_.size() + 1);
  }

  Result<void> read_header(CsvScanner& scanner) {
    std::unordered_map<std::string, std::size_t> seen;
    for (FieldEnd end = FieldEnd::kComma; end == FieldEnd::kComma;) {
      const auto number = table_.columns_.size() + 1;
      Field field;
      end = scanner.next(field);
      if (end == FieldEnd::kError) {
        return fail(ErrorCode::kInvalidArgument, "header, line {}, column {}: {}",
                    line_of(table_.bytes_, offset(scanner)), number, scanner.error());
      }
      if (number > limits_.columns) {
        return fail(ErrorCode::kTooLarge, "the header has more than {} columns, the limit",
                    limits_.columns);
      }
      Column column;
      column.name = field.text();
      if (column.name.find_first_not_of(" \t") == std::string::npos) {
        return fail(ErrorCode::kInvalidArgument,
                    "header: column {} has no name; every column needs one", number);
      }
      if (column.name.size() > limits_.field_bytes) {
        return fail(ErrorCode::kTooLarge, "header: the name of column {} is over {} bytes", number,
                    limits_.field_bytes);
      }
      if (const auto [first, fresh] = seen.emplace(column.name, number); !fresh) {
        return fail(ErrorCode::kInvalidArgument,
                    "header: columns {} and {} are both named {}; names must differ", first->second,
                    number, quoted(column.name));
      }
      table_.columns_.push_back(std::move(column));
    }
    const auto& only = table_.columns_.front().name;
    if (table_.columns_.size() == 1 && only.find_first_of(";\t") != std::string::npos) {
      return fail(ErrorCode::kInvalidArgument,
                  "the header has no comma but a {}; separate the columns with commas",
                  only.find(';') != std::string::npos ? "semicolon" : "tab");
    }
    return {};
  }

  Result<void> read_row(CsvScanner& scanner) {
    const auto columns = table_.columns_.size();
    const auto row = table_.rows();
    table_.row_starts_.push_back(offset(scanner));
    if (row + 1 > limits_.rows || (row + 1) * columns > limits_.cells) {
      return fail(ErrorCode::kTooLarge,
                  "the file has more than {} rows of {} columns, the limit; split a sample or drop "
                  "columns",
                  row, columns);
    }
    std::size_t c = 0;
    for (FieldEnd end = FieldEnd::kComma; end == FieldEnd::kComma; ++c) {
      if (c == columns) return ragged(row, count_rest(scanner, c));
      end = read_cell(scanner, table_.columns_[c], row);
      if (end == FieldEnd::kError) {
        const auto& name = table_.columns_[c].name;
        if (too_long_) {
          return fail(ErrorCode::kTooLarge, "{}, column {}: the field is over {} bytes",
                      table_.place(row), quoted(name), limits_.field_bytes);
        }
        const auto line = line_of(table_.bytes_, offset(scanner));
        return fail(ErrorCode::kInvalidArgument, "{}, column {}: {} (line {})", table_.place(row),
                    quoted(name), scanner.error(), line);
      }
    }
    if (c != columns) return ragged(row, c);
    return {};
  }

  FieldEnd read_cell(CsvScanner& scanner, Column& column, std::size_t row) {
    FieldEnd end = FieldEnd::kError;
    if (!column.first_text) {
      double value = 0;
      if (scanner.next_number(value, end)) {
        ++column.numbers;
        column.values.push_back(value);
        return end;
      }
    }
    Field field;
    end = scanner.next(field);
    if (end == FieldEnd::kError) return end;
    if (field.raw.size() > limits_.field_bytes) {
      too_long_ = true;
      return FieldEnd::kError;
    }
    if (!column.first_text) note(column, field, row);
    return end;
  }

  // A cell that is not a plain number, in a column that was numeric so far.
  static void note(Column& column, const Field& field, std::size_t row) {
    double value = std::numeric_limits<double>::quiet_NaN();
    if (is_missing(field.raw)) {
      ++column.missing;
      if (!column.first_missing) column.first_missing = row;
    } else if (!parse_number(field.raw, value)) {
      column.first_text = row;
      column.values = {};
      return;
    } else if (std::isinf(value)) {
      value = std::numeric_limits<double>::quiet_NaN();
      if (!column.first_infinite) column.first_infinite = row;
    } else {
      ++column.numbers;
    }
    column.values.push_back(value);
  }

  // How many fields a row that is too long has.
  static std::size_t count_rest(CsvScanner& scanner, std::size_t fields) {
    Field field;
    for (FieldEnd end = FieldEnd::kComma; end == FieldEnd::kComma; ++fields) {
      end = scanner.next(field);
    }
    return fields;
  }

  std::unexpected<Error> ragged(std::size_t row, std::size_t fields) const {
    const auto& columns = table_.columns_;
    return fail(ErrorCode::kInvalidArgument,
                "{} has {} field{}, but the header has {} columns{}; every row needs one field a "
                "column",
                table_.place(row), fields, fields == 1 ? "" : "s", columns.size(),
                fields < columns.size()
                    ? fmt::format(" (nothing for column {})", quoted(columns[fields].name))
                    : "");
  }

  CsvLimits limits_;
  Table table_;
  bool too_long_ = false;
};

Result<Table> read_csv(std::string bytes, const CsvLimits& limits) {
  if (is_gzip(bytes)) {
    auto content = gunzip(bytes, limits.bytes);
    if (!content) return std::unexpected(std::move(content).error());
    bytes = std::move(*content);
  }
  if (bytes.size() > limits.bytes) {
    return fail(ErrorCode::kTooLarge, "the file has {} bytes, the limit is {}", bytes.size(),
                limits.bytes);
  }
  return TableReader(std::move(bytes), limits).read();
}

void append_csv_field(std::string& out, std::string_view field) {
  const bool quote = field.find_first_of(",\"\r\n") != std::string_view::npos ||
                     (!field.empty() && (field.front() == ' ' || field.front() == '\t' ||
                                         field.back() == ' ' || field.back() == '\t'));
  if (!quote) {
    out += field;
    return;
  }
  out.push_back('"');
  for (const char c : field) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
}

}  // namespace saola::split
