#include "table/dialect.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "table/csv_scanner.hpp"
#include "table/numbers.hpp"
#include "table/quoted.hpp"

namespace saola::split {
namespace {

constexpr std::size_t kSampleBytes = 1 << 20;
constexpr std::size_t kSampleRecords = 500;
// Rows above the header that may be a title.
constexpr std::size_t kTitleRecords = 20;

struct Record {
  std::size_t offset = 0;
  std::vector<std::string> cells;

  std::size_t filled() const {
    return static_cast<std::size_t>(
        std::count_if(cells.begin(), cells.end(), [](const std::string& cell) {
          return cell.find_first_not_of(" \t") != std::string::npos;
        }));
  }
};

// What a delimiter makes of the text.
struct Reading {
  char delimiter = ',';
  std::vector<Record> records;
  // The commonest number of fields, and the share of records that have it.
  std::size_t fields = 0;
  double agreement = 0;
  double numeric = 0;
};

bool is_number(std::string_view cell) {
  const auto written = take_apart(cell);
  return written && (parse_core(written->core, '.', std::nullopt) ||
                     parse_core(written->core, ',', std::nullopt));
}

Reading read_with(std::string_view text, std::size_t begin, char delimiter) {
  Reading reading;
  reading.delimiter = delimiter;
  CsvScanner scanner(text.substr(begin), delimiter);
  std::map<std::size_t, std::size_t> counts;
  std::size_t cells = 0;
  std::size_t numbers = 0;
  std::size_t records = 0;
  while (!scanner.at_end() && records < kSampleRecords) {
    Record record;
    record.offset = static_cast<std::size_t>(scanner.position() - text.data());
    if (record.offset - begin > kSampleBytes) break;
    FieldEnd end = FieldEnd::kComma;
    while (end == FieldEnd::kComma) {
      Field field;
      end = scanner.next(field);
      if (end != FieldEnd::kError) record.cells.push_back(field.text());
    }
    if (end == FieldEnd::kError) {
      ++records;  // counts against this delimiter
      break;
    }
    if (record.filled() == 0) continue;
    ++records;
    ++counts[record.cells.size()];
    for (const auto& cell : record.cells) numbers += is_number(cell) ? 1 : 0;
    cells += record.cells.size();
    reading.records.push_back(std::move(record));
  }
  std::size_t most = 0;
  for (const auto& [fields, count] : counts) {
    if (count < most) continue;
    most = count;
    reading.fields = fields;
  }
  if (records > 0) reading.agreement = static_cast<double>(most) / static_cast<double>(records);
  if (cells > 0) reading.numeric = static_cast<double>(numbers) / static_cast<double>(cells);
  return reading;
}

bool header_like(const Record& record) {
  return std::none_of(record.cells.begin(), record.cells.end(), is_number);
}

// The record that is the header: the first, or the first after a title, that is a record which
// fills few of the columns while a later one names them all.
std::size_t find_header(const Reading& reading) {
  const auto& records = reading.records;
  if (reading.fields < 2 || records.empty()) return 0;
  const auto enough = reading.fields - 1;
  if (records[0].filled() * 2 > reading.fields && records[0].filled() + 1 >= reading.fields)
    return 0;
  // A first column without a name is no title.
  if (records[0].cells.size() >= reading.fields &&
      records[0].cells[0].find_first_not_of(" \t") == std::string::npos) {
    return 0;
  }
  for (std::size_t i = 1; i < std::min(records.size(), kTitleRecords); ++i) {
    const auto filled = records[i].filled();
    if (filled >= enough && filled > records[0].filled() && header_like(records[i])) return i;
    if (filled >= enough && filled > records[0].filled()) break;  // data already
  }
  return 0;
}

// More is better: whether it makes columns of most records and of the header too (a decimal comma is in
// every row, and not in the header; R's row names have none), how many of the cells are numbers, how
// well the records agree.
std::array<double, 4> rank(const Reading& reading) {
  constexpr double kEnough = 0.8;
  double columns = 0;
  if (reading.fields > 1 && reading.agreement >= kEnough) {
    const auto& header = reading.records[find_header(reading)];
    columns = header.cells.size() == reading.fields ? 2 : 1;
  }
  return {columns, reading.fields > 1 ? reading.numeric : -1.0, reading.agreement,
          static_cast<double>(reading.fields)};
}

}  // namespace

Dialect find_dialect(std::string_view text, const std::optional<char>& delimiter) {
  Dialect dialect;
  std::size_t begin = 0;
  std::optional<char> chosen = delimiter;
  // Excel's first line, quoted or not: sep=;
  const auto line = text.substr(0, text.find_first_of("\r\n"));
  auto word = line;
  if (word.starts_with('"') && word.ends_with('"') && word.size() > 1) {
    word = word.substr(1, word.size() - 2);
  }
  constexpr std::string_view kSep = "sep=";
  const bool marks = word.size() >= kSep.size() && word.size() <= kSep.size() + 1 &&
                     std::equal(kSep.begin(), kSep.end(), word.begin(),
                                [](char a, char b) { return a == b || a - 32 == b; });
  // "sep=," may be cut short by tools that take the comma for an empty second field.
  if (marks) {
    if (!chosen && word.size() == kSep.size() + 1) chosen = word.back();
    begin = line.size();
    while (begin < text.size() && (text[begin] == '\r' || text[begin] == '\n')) ++begin;
    dialect.notes.push_back(
        fmt::format("the first line, {}, was taken as Excel's mark of the "
                    "separator",
                    quoted(line)));
  }
  Reading best;
  if (chosen) {
    best = read_with(text, begin, *chosen);
  } else {
    for (const char candidate : {',', ';', '\t', '|'}) {
      auto reading = read_with(text, begin, candidate);
      if (best.records.empty() || rank(reading) > rank(best)) best = std::move(reading);
    }
    if (best.fields < 2) best.delimiter = ',';
  }
  dialect.delimiter = best.delimiter;
  dialect.header = begin;
  if (best.records.empty()) return dialect;
  const auto header = find_header(best);
  dialect.header = best.records[header].offset;
  for (std::size_t i = 0; i < header; ++i) {
    std::string what;
    for (const auto& cell : best.records[i].cells) {
      if (cell.find_first_not_of(" \t") != std::string::npos)
        what += (what.empty() ? "" : " ") + cell;
    }
    dialect.notes.push_back(
        fmt::format("{} above the header was passed over as a title", quoted(what)));
  }
  return dialect;
}

}  // namespace saola::split
