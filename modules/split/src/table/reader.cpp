#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <saola/split/read.hpp>

#include "table/csv_scanner.hpp"
#include "table/decode.hpp"
#include "table/dialect.hpp"
#include "table/formats.hpp"
#include "table/gunzip.hpp"
#include "table/numbers.hpp"
#include "table/quoted.hpp"
#include "table/unzstd.hpp"
#include "table/xlsx.hpp"

namespace saola::split {
namespace {

constexpr std::uint64_t kFreeExpansion = 64 << 20;
constexpr std::size_t kMostLevels = 1000;
// Texts in a column before it counts as text for good, without a number among them.
constexpr std::size_t kClearlyText = 2000;

std::size_t line_of(std::string_view bytes, std::size_t offset) {
  return static_cast<std::size_t>(
             std::count(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(offset), '\n')) +
         1;
}

bool blank(std::string_view text) {
  return text.find_first_not_of(" \t") == std::string_view::npos;
}

std::string_view trimmed(std::string_view text) {
  if (blank(text)) return {};
  const auto first = text.find_first_not_of(" \t");
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// What the first pass sees of a column's plain numbers.
struct Plain {
  std::size_t with_point = 0;
  // "1.234": could be a thousand and some.
  std::size_t like_thousands = 0;
  std::size_t above_999 = 0;
};

}  // namespace

// Fills a Table from the text of a file, in up to three passes: plain numbers as they come; then
// the other columns are looked at whole, to learn how their numbers are written; then those are
// read.
class TableReader {
 public:
  explicit TableReader(const ReadOptions& options) : options_(options) {
    table_.na_values_ = options.na_values;
  }

  Result<Table> read(std::string bytes) && {
    if (auto ok = take_text(std::move(bytes)); !ok) return fail(ok);
    const std::string_view content = std::string_view(table_.bytes_).substr(begin_);
    CsvScanner scanner(content, table_.delimiter_);
    if (auto ok = read_header(scanner); !ok) return fail(ok);
    if (auto ok = read_rows(scanner, content); !ok) return fail(ok);
    if (auto ok = understand_columns(); !ok) return fail(ok);
    if (blank_rows_ > 0) {
      table_.notes_.push_back(fmt::format("{} blank row{} passed over", blank_rows_,
                                          blank_rows_ == 1 ? " was" : "s were"));
    }
    return std::move(table_);
  }

 private:
  using Ok = Result<void>;

  // From bytes to text, delimiter and the header's place.
  Ok take_text(std::string bytes) {
    const auto& limits = options_.limits;
    if (is_gzip(bytes) || is_zstd(bytes)) {
      const std::uint64_t most = limits.unpacked(bytes.size());
      auto content = is_gzip(bytes) ? gunzip(bytes, most) : unzstd(bytes, most);
      if (!content && content.error().code() == ErrorCode::kTooLarge && most < limits.bytes) {
        return fail(ErrorCode::kTooLarge,
                    "the compressed file of {} bytes holds more than {}, {} times as many: too "
                    "much for what it looks like; decompress it before the upload",
                    bytes.size(), most, most / bytes.size());
      }
      if (!content) return fail(content);
      bytes = std::move(*content);
    }
    if (bytes.size() > limits.bytes) {
      return fail(ErrorCode::kTooLarge, "the file has {} bytes, the limit is {}", bytes.size(),
                  limits.bytes);
    }
    if (auto ok = check_format(bytes); !ok) return ok;
    std::optional<char> delimiter = options_.delimiter;
    if (is_xlsx(bytes)) {
      auto sheet = read_xlsx(bytes, options_);
      if (!sheet) return fail(sheet);
      table_.bytes_ = std::move(sheet->csv);
      table_.notes_ = std::move(sheet->notes);
      table_.encoding_ = "xlsx";
      table_.workbook_ = true;
      delimiter = ',';
    } else {
      auto text = decode(std::move(bytes), options_.encoding, limits.bytes);
      if (!text) return fail(text);
      table_.bytes_ = std::move(text->text);
      table_.encoding_ = std::move(text->encoding);
      if (text->guessed) {
        table_.notes_.push_back(
            fmt::format("the file was read as {}, for it is not UTF-8; 'encoding' says otherwise",
                        table_.encoding_));
      }
    }
    auto& text = table_.bytes_;
    // The line ends of old Macs.
    if (text.find('\n') == std::string::npos) std::replace(text.begin(), text.end(), '\r', '\n');
    // Blank lines at the end are no records. They go for good, for cells are read from bytes_
    // later.
    text.resize(text.find_last_not_of("\r\n") + 1);
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
      return fail(ErrorCode::kInvalidArgument,
                  "the file is empty; it needs a header line and at least two rows");
    }
    auto dialect = find_dialect(text, delimiter);
    table_.delimiter_ = dialect.delimiter;
    begin_ = dialect.header;
    for (auto& note : dialect.notes) table_.notes_.push_back(std::move(note));
    return {};
  }

  std::size_t offset(const CsvScanner& scanner) const {
    return static_cast<std::size_t>(scanner.position() - table_.bytes_.data());
  }

  // Cancelled when the caller's poll says so; asked once in some thousand cells.
  bool stopped(double part) {
    constexpr std::size_t kCellsPerPoll = 1 << 17;
    if (!options_.poll || (cells_since_poll_ += fields_) < kCellsPerPoll) return false;
    cells_since_poll_ = 0;
    return options_.poll(part);
  }
  static std::unexpected<Error> cancelled() {
    return fail(ErrorCode::kCancelled, "asked to stop while the table was read");
  }

  // A guess from the first line after the header; vectors grow when it is low.
  std::size_t estimate_rows(const CsvScanner& scanner, std::string_view content) const {
    const auto left =
        content.size() - static_cast<std::size_t>(scanner.position() - content.data());
    const auto* const newline =
        left == 0 ? nullptr : static_cast<const char*>(std::memchr(scanner.position(), '\n', left));
    if (newline == nullptr) return 1;
    const auto line = static_cast<std::size_t>(newline - scanner.position()) + 1;
    return std::min<std::size_t>(left / line + 1,
                                 options_.limits.cells / table_.columns_.size() + 1);
  }

  Ok read_header(CsvScanner& scanner) {
    const auto& limits = options_.limits;
    for (FieldEnd end = FieldEnd::kComma; end == FieldEnd::kComma;) {
      const auto number = table_.columns_.size() + 1;
      Field field;
      end = scanner.next(field);
      if (end == FieldEnd::kError) {
        return fail(ErrorCode::kInvalidArgument, "header, line {}, column {}: {}",
                    line_of(table_.bytes_, offset(scanner)), number, scanner.error());
      }
      if (number > limits.columns) {
        return fail(ErrorCode::kTooLarge, "the header has more than {} columns, the limit",
                    limits.columns);
      }
      Column column;
      column.name = trimmed(field.text());
      column.field = number - 1;
      if (column.name.size() > limits.field_bytes) {
        return fail(ErrorCode::kTooLarge, "header: the name of column {} is over {} bytes", number,
                    limits.field_bytes);
      }
      table_.columns_.push_back(std::move(column));
    }
    fields_ = table_.columns_.size();
    if (auto ok = look_at_first_rows(scanner); !ok) return ok;
    return check_names();
  }

  // The rows may have one field more than the header: R's row names, or a comma at each line's end.
  Ok look_at_first_rows(CsvScanner scanner) {
    constexpr std::size_t kRows = 100;
    std::size_t longer = 0;
    std::size_t shorter = 0;
    std::size_t empty_last = 0;
    std::size_t rows = 0;
    while (!scanner.at_end() && rows < kRows) {
      Field field;
      std::size_t count = 0;
      FieldEnd end = FieldEnd::kComma;
      bool any = false;
      for (; end == FieldEnd::kComma; ++count) {
        end = scanner.next(field);
        any = any || !blank(field.raw);
      }
      if (end == FieldEnd::kError) break;
      if (!any) continue;
      ++rows;
      shorter += count + 1 == fields_ ? 1 : 0;
      if (count == fields_ + 1) {
        ++longer;
        empty_last += blank(field.raw) ? 1 : 0;
      }
    }
    if (rows > 0 && shorter == rows && fields_ > 1 && table_.columns_.back().name.empty()) {
      table_.columns_.pop_back();
      --fields_;
      table_.notes_.push_back(
          "the header ends with a separator, the rows do not; it was passed over");
      return {};
    }
    if (rows == 0 || longer != rows) return {};
    if (empty_last == rows) {
      extra_ = true;
      table_.notes_.push_back(
          "every row ends with a separator, as if there were one more column; it was passed over");
      return {};
    }
    Column names;
    for (auto& column : table_.columns_) ++column.field;
    table_.columns_.insert(table_.columns_.begin(), std::move(names));
    ++fields_;
    table_.notes_.push_back(
        "the rows have one field more than the header: the first was taken as the rows' names, as "
        "R "
        "writes them");
    return {};
  }

  Ok check_names() {
    std::unordered_map<std::string, std::size_t> seen;
    for (const auto& column : table_.columns_) {
      if (column.name.empty()) continue;
      if (const auto [first, fresh] = seen.emplace(column.name, column.field + 1); !fresh) {
        return fail(ErrorCode::kInvalidArgument,
                    "header: columns {} and {} are both named {}; names must differ", first->second,
                    column.field + 1, quoted(column.name));
      }
    }
    std::vector<std::string> numbers;
    for (auto& column : table_.columns_) {
      double value = 0;
      if (parse_number(column.name, value) || column.name.empty()) {
        if (!column.name.empty()) numbers.push_back(column.name);
      }
      if (!column.name.empty()) continue;
      unnamed_.push_back(static_cast<std::size_t>(&column - table_.columns_.data()));
      const bool first = unnamed_.back() == 0;
      column.name = first ? "id" : fmt::format("column {}", column.field + 1);
      while (seen.contains(column.name)) column.name += "_";
      seen.emplace(column.name, column.field + 1);
      if (first) table_.unnamed_id_ = true;
    }
    return warn_of_numbers(numbers);
  }

  // Names that are numbers: years of a wide table, or no header at all.
  Ok warn_of_numbers(const std::vector<std::string>& numbers) {
    if (numbers.empty()) return {};
    const bool whole = std::all_of(numbers.begin(), numbers.end(), [](const std::string& name) {
      return name.find_first_not_of("0123456789") == std::string::npos;
    });
    if (!whole) {
      return fail(
          ErrorCode::kInvalidArgument,
          "header: the name {} is a number, as if the file had no header line and the first "
          "row were data; add a line with the columns' names",
          quoted(numbers.front()));
    }
    table_.notes_.push_back(
        fmt::format("the names {}{} in the header are numbers; if the file has no header line, its "
                    "first row was "
                    "taken for one: add a line with the columns' names",
                    quoted(numbers.front()), numbers.size() > 1 ? ", …" : ""));
    return {};
  }

  Ok read_rows(CsvScanner& scanner, std::string_view content) {
    plain_.resize(table_.columns_.size());
    table_.row_starts_.reserve(estimate_rows(scanner, content));
    for (auto& column : table_.columns_) column.values.reserve(table_.row_starts_.capacity());
    while (!scanner.at_end()) {
      if (stopped(static_cast<double>(offset(scanner)) / static_cast<double>(table_.bytes_.size()) *
                  kFirstPass)) {
        return cancelled();
      }
      if (auto ok = read_row(scanner); !ok) return ok;
    }
    if (table_.rows() == 0) {
      return fail(ErrorCode::kInvalidArgument,
                  "the file has a header line but no rows; there is nothing to split");
    }
    return {};
  }

  Ok read_row(CsvScanner& scanner) {
    const auto& limits = options_.limits;
    if (skip_blank(scanner)) return {};
    const auto row = table_.rows();
    table_.row_starts_.push_back(offset(scanner));
    if (row + 1 > limits.rows || (row + 1) * fields_ > limits.cells) {
      return fail(ErrorCode::kTooLarge,
                  "the file has more than {} rows of {} columns, the limit; split a sample or drop "
                  "columns",
                  row, fields_);
    }
    std::size_t c = 0;
    for (FieldEnd end = FieldEnd::kComma; end == FieldEnd::kComma; ++c) {
      if (c == fields_) {
        Field field;
        const auto* const at = scanner.position();
        if (extra_ && scanner.next(field) == FieldEnd::kRecord && blank(field.raw)) return {};
        CsvScanner again(std::string_view(at, static_cast<std::size_t>(table_.bytes_.data() +
                                                                       table_.bytes_.size() - at)),
                         table_.delimiter_);
        return ragged(row, count_rest(again, c));
      }
      end = read_cell(scanner, c, row);
      if (end == FieldEnd::kError) {
        const auto& name = table_.columns_[c].name;
        if (too_long_) {
          return fail(ErrorCode::kTooLarge, "{}, column {}: the field is over {} bytes",
                      table_.place(row), quoted(name), limits.field_bytes);
        }
        const auto line = line_of(table_.bytes_, offset(scanner));
        return fail(ErrorCode::kInvalidArgument, "{}, column {}: {} (line {})", table_.place(row),
                    quoted(name), scanner.error(), line);
      }
    }
    if (c != fields_) return ragged(row, c);
    return {};
  }

  // A record without anything in it, as spreadsheets leave them: "" or ",,,".
  bool skip_blank(CsvScanner& scanner) {
    const char* p = scanner.position();
    const char* const end = table_.bytes_.data() + table_.bytes_.size();
    while (p != end && (*p == table_.delimiter_ || *p == ' ' || *p == '\t')) ++p;
    if (p != end && *p != '\n' && !(*p == '\r' && p + 1 != end && p[1] == '\n')) return false;
    Field field;
    FieldEnd field_end = FieldEnd::kComma;
    while (field_end == FieldEnd::kComma) field_end = scanner.next(field);
    ++blank_rows_;
    return true;
  }

  FieldEnd read_cell(CsvScanner& scanner, std::size_t c, std::size_t row) {
    auto& column = table_.columns_[c];
    FieldEnd end = FieldEnd::kError;
    if (!column.first_text) {
      double value = 0;
      int decimals = 0;
      if (scanner.next_number(value, decimals, end)) {
        ++column.numbers;
        column.values.push_back(value);
        note_plain(plain_[c], value, decimals);
        return end;
      }
    }
    Field field;
    end = scanner.next(field);
    if (end == FieldEnd::kError) return end;
    if (field.raw.size() > options_.limits.field_bytes) {
      too_long_ = true;
      return FieldEnd::kError;
    }
    if (!column.first_text) note(c, field, row);
    return end;
  }

  static void note_plain(Plain& plain, double value, int decimals) {
    const auto magnitude = std::abs(value);
    if (decimals >= 0) {
      ++plain.with_point;
      plain.like_thousands += decimals == 3 && magnitude >= 1 && magnitude < 1000 ? 1 : 0;
    } else if (magnitude >= 1000) {
      ++plain.above_999;
    }
  }

  // A cell that is not a plain number, in a column that was numeric so far.
  void note(std::size_t c, const Field& field, std::size_t row) {
    auto& column = table_.columns_[c];
    double value = std::numeric_limits<double>::quiet_NaN();
    if (table_.missing(field.raw)) {
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
      const auto point = field.raw.find('.');
      const auto end = field.raw.find_last_of("0123456789");
      note_plain(
          plain_[c], value,
          point == std::string_view::npos || end < point ? -1 : static_cast<int>(end - point));
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
    std::string cause;
    if (fields < fields_) {
      cause = fmt::format(" (nothing for column {})", quoted(columns[fields].name));
    } else if (table_.delimiter_ == ',') {
      cause = " (perhaps a comma inside a field that is not in quotes)";
    }
    return fail(ErrorCode::kInvalidArgument,
                "{} has {} field{}, but the header has {} columns{}; every row needs one field a "
                "column",
                table_.place(row), fields, fields == 1 ? "" : "s", columns.size(), cause);
  }

  // --- the second and third pass ---

  struct Open {
    std::size_t column = 0;
    NumberStyle style;
    std::unordered_set<std::size_t> levels;
    std::size_t missing = 0;
    std::optional<std::size_t> first_missing;
    bool text_only = false;
    // Read at last with this decimal point.
    std::optional<char> decimal;
  };

  // Calls `see` with every row's cells of the open columns. False when asked to stop.
  template <typename See>
  bool each_cell(const std::vector<std::size_t>& open_at, double from, double to, See&& see) {
    const auto rows = table_.rows();
    std::size_t last = 0;
    for (std::size_t f = 0; f < open_at.size(); ++f) {
      if (open_at[f] != SIZE_MAX) last = f;
    }
    std::string cell;
    for (std::size_t row = 0; row < rows; ++row) {
      if (stopped(from + (to - from) * static_cast<double>(row) / static_cast<double>(rows))) {
        return false;
      }
      CsvScanner scanner(std::string_view(table_.bytes_).substr(table_.row_starts_[row]),
                         table_.delimiter_);
      Field field;
      for (std::size_t f = 0; f <= last; ++f) {
        scanner.next(field);
        if (open_at[f] == SIZE_MAX) continue;
        if (field.quoted && field.raw.find('"') != std::string_view::npos) {
          cell = field.text();
          see(open_at[f], row, std::string_view(cell));
        } else {
          see(open_at[f], row, field.raw);
        }
      }
    }
    return true;
  }

  std::vector<std::size_t> index_by_field(const std::vector<Open>& open) const {
    std::vector<std::size_t> at(fields_, SIZE_MAX);
    for (std::size_t i = 0; i < open.size(); ++i) {
      if (!open[i].text_only) at[table_.columns_[open[i].column].field] = i;
    }
    return at;
  }

  // Columns whose numbers have a point, which could mean thousands in a file of decimal commas.
  bool may_be_thousands(std::size_t c) const {
    return plain_[c].with_point > 0 && plain_[c].with_point == plain_[c].like_thousands &&
           plain_[c].above_999 == 0;
  }

  Ok understand_columns() {
    std::vector<Open> open;
    const bool comma_declared = options_.decimal == ',';
    for (std::size_t c = 0; c < table_.columns_.size(); ++c) {
      const bool doubtful = comma_declared ? plain_[c].with_point > 0 : may_be_thousands(c);
      if (table_.columns_[c].first_text || doubtful) {
        open.push_back({c, NumberStyle(options_), {}, 0, {}, false, {}});
      }
    }
    if (!open.empty()) {
      if (!look(open)) return cancelled();
      decide(open);
      if (!read_numbers(open)) return cancelled();
    }
    finish_unnamed();
    for (auto& column : table_.columns_) {
      if (!column.numeric()) column.values = {};
    }
    return {};
  }

  bool look(std::vector<Open>& open) {
    auto at = index_by_field(open);
    return each_cell(
        at, kFirstPass, kSecondPass, [&](std::size_t i, std::size_t row, std::string_view cell) {
          auto& column = open[i];
          if (table_.missing(cell)) {
            ++column.missing;
            if (!column.first_missing) column.first_missing = row;
            return;
          }
          if (column.levels.size() <= kMostLevels) {
            column.levels.insert(std::hash<std::string_view>()(trimmed(cell)));
          }
          if (column.text_only) return;
          column.style.add(cell, row);
          column.text_only = column.style.cells() == kClearlyText && !column.style.mostly_numeric();
        });
  }

  void decide(std::vector<Open>& open) {
    const char favoured = favoured_decimal(open);
    for (auto& one : open) {
      auto& column = table_.columns_[one.column];
      const auto& style = one.style;
      if (one.style.cells() == 0) continue;  // only missing values
      const bool was_plain = !column.first_text;
      if (one.text_only || !style.mostly_numeric()) {
        column.levels = one.levels.size();
        column.numbers = style.numbers();
        column.missing = one.missing;
        column.first_missing = one.first_missing;
        column.dates = style.dates() && !one.text_only;
        continue;
      }
      const char decimal = style.decimal(favoured);
      if (const auto fault = style.fault(decimal)) {
        column.first_text = fault->row;
        column.levels = one.levels.size();
        column.unreadable = fmt::format("{} holds {}{}{}", table_.place(fault->row),
                                        quoted(table_.cell(fault->row, one.column)),
                                        fault->reason.empty() ? "" : "; ", fault->reason);
        continue;
      }
      const bool matters = style.ambiguous() > 0 && style.needs_point() + style.needs_comma() == 0;
      if (!options_.decimal && matters) warn_of_ambiguity(one, decimal, was_plain, favoured);
      if (was_plain && decimal == '.') continue;
      one.decimal = decimal;
      column.reading = style.describe(decimal);
    }
  }

  void warn_of_ambiguity(const Open& one, char decimal, bool was_plain, char favoured) {
    const auto& column = table_.columns_[one.column];
    // Plain numbers with three decimals and nothing else are what they look like.
    if (was_plain && favoured == '.' && plain_[one.column].with_point == column.numbers) return;
    table_.notes_.push_back(fmt::format(
        "column {}: '{}' was taken for the decimal point, so that {} is {}; if it separates "
        "thousands there, set 'decimal'",
        quoted(column.name), decimal,
        quoted(trimmed(table_.cell(example_of(one.column), one.column))),
        one.style.value(table_.cell(example_of(one.column), one.column), decimal)));
  }

  // A row whose cell has a separator.
  std::size_t example_of(std::size_t c) const {
    for (std::size_t row = 0; row < table_.rows(); ++row) {
      if (table_.cell(row, c).find_first_of(",.") != std::string::npos) return row;
    }
    return 0;
  }

  // The decimal point that the columns which leave no doubt use; else the one that goes with the
  // delimiter: files of countries with a decimal comma are separated by semicolons.
  char favoured_decimal(const std::vector<Open>& open) const {
    if (options_.decimal) return *options_.decimal;
    std::size_t points = 0;
    std::size_t commas = 0;
    for (std::size_t c = 0; c < table_.columns_.size(); ++c) {
      const auto& column = table_.columns_[c];
      if (!column.first_text && plain_[c].with_point > plain_[c].like_thousands) ++points;
    }
    for (const auto& one : open) {
      if (one.text_only || !one.style.mostly_numeric()) continue;
      points += one.style.needs_point() > one.style.needs_comma() ? 1 : 0;
      commas += one.style.needs_comma() > one.style.needs_point() ? 1 : 0;
    }
    if (points != commas) return points > commas ? '.' : ',';
    return table_.delimiter_ == ';' ? ',' : '.';
  }

  bool read_numbers(std::vector<Open>& open) {
    for (auto& one : open) {
      one.text_only = !one.decimal;
      if (!one.decimal) continue;
      auto& column = table_.columns_[one.column];
      column.values.assign(table_.rows(), std::numeric_limits<double>::quiet_NaN());
      column.first_text.reset();
      column.first_infinite.reset();
      column.numbers = 0;
      column.missing = one.missing;
      column.first_missing = one.first_missing;
    }
    const auto at = index_by_field(open);
    if (std::all_of(at.begin(), at.end(), [](std::size_t i) { return i == SIZE_MAX; })) return true;
    return each_cell(at, kSecondPass, 1,
                     [&](std::size_t i, std::size_t row, std::string_view cell) {
                       if (table_.missing(cell)) return;
                       auto& column = table_.columns_[open[i].column];
                       const double value = open[i].style.value(cell, *open[i].decimal);
                       if (std::isfinite(value)) {
                         column.values[row] = value;
                         ++column.numbers;
                       } else if (!column.first_infinite) {
                         column.first_infinite = row;
                       }
                     });
  }

  // A column without a name: dropped when it is empty, else named after its number.
  void finish_unnamed() {
    for (auto i = unnamed_.size(); i-- > 0;) {
      const auto c = unnamed_[i];
      const auto& column = table_.columns_[c];
      if (column.missing == table_.rows() && table_.columns_.size() > 1) {
        table_.notes_.push_back(
            fmt::format("column {} has neither a name nor values (a separator at the end of each "
                        "line, perhaps); "
                        "it was passed over",
                        column.field + 1));
        if (c == 0) table_.unnamed_id_ = false;
        table_.columns_.erase(table_.columns_.begin() + static_cast<std::ptrdiff_t>(c));
      } else if (c == 0) {
        table_.notes_.push_back(fmt::format(
            "the first column has no name, as pandas and R write their row names; it was named {}",
            quoted(column.name)));
      } else {
        table_.notes_.push_back(fmt::format("column {} has no name in the header; it was named {}",
                                            column.field + 1, quoted(column.name)));
      }
    }
  }

  static constexpr double kFirstPass = 0.6;
  static constexpr double kSecondPass = 0.85;

  const ReadOptions& options_;
  Table table_;
  // Where the header starts.
  std::size_t begin_ = 0;
  // Of a record, without the separator at the end of lines.
  std::size_t fields_ = 0;
  bool extra_ = false;
  bool too_long_ = false;
  std::size_t blank_rows_ = 0;
  std::size_t cells_since_poll_ = 0;
  std::vector<Plain> plain_;
  std::vector<std::size_t> unnamed_;
};

std::uint64_t ReadLimits::unpacked(std::uint64_t size) const {
  std::uint64_t grown = 0;
  if (__builtin_mul_overflow(size, expansion, &grown)) return bytes;
  return std::min(bytes, std::max(kFreeExpansion, grown));
}

Result<Table> read_table(std::string bytes, const ReadOptions& options) {
  if (options.decimal && options.thousands && *options.decimal == *options.thousands) {
    return fail(ErrorCode::kInvalidArgument,
                "thousands: '{}' is the decimal point too; they must differ", *options.decimal);
  }
  return TableReader(options).read(std::move(bytes));
}

}  // namespace saola::split
