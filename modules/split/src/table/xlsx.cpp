#include "table/xlsx.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <set>
#include <utility>

#include <orcus/orcus_xlsx.hpp>
#include <orcus/spreadsheet/import_interface.hpp>

#include "table/quoted.hpp"

namespace saola::split {
namespace {

namespace iface = orcus::spreadsheet::iface;
using orcus::spreadsheet::col_t;
using orcus::spreadsheet::row_t;
using orcus::spreadsheet::string_id_t;

std::uint32_t little_endian(std::string_view bytes, std::size_t at, std::size_t length) {
  std::uint32_t value = 0;
  for (std::size_t i = length; i-- > 0;) {
    value = (value << 8) | static_cast<unsigned char>(bytes[at + i]);
  }
  return value;
}

// True when a part that is compressed as zip does it holds `text`. A part that is damaged holds
// nothing; the library finds that out.
bool inflated_part_holds(std::string_view part, std::string_view text) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return false;
  // zlib reads through this pointer only; its type predates const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
  stream.avail_in = static_cast<uInt>(std::min<std::size_t>(part.size(), 1U << 30));
  std::string window;
  std::array<char, 1 << 16> room{};
  bool found = false;
  int status = Z_OK;
  while (status == Z_OK && !found) {
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = room.size();
    status = inflate(&stream, Z_NO_FLUSH);
    window.append(room.data(), room.size() - stream.avail_out);
    found = window.find(text) != window.npos;
    // What is kept may be the first part of it.
    if (window.size() > text.size()) window.erase(0, window.size() - text.size());
  }
  inflateEnd(&stream);
  return found;
}

// Checks a workbook's archive before the library sees it: what its parts claim to hold, which is
// what the library reserves and inflates, and that it does not keep texts in a way the library
// leaves out without a word.
Result<std::uint64_t> check_archive(std::string_view bytes) {
  constexpr std::string_view kEnd("PK\x05\x06");
  constexpr std::string_view kEntry("PK\x01\x02");
  constexpr std::size_t kEndSize = 22;
  constexpr std::size_t kEntrySize = 46;
  const auto end = bytes.rfind(kEnd);
  if (end == bytes.npos || end + kEndSize > bytes.size()) {
    return fail(ErrorCode::kDataCorrupt, "the workbook is cut short; upload it again");
  }
  std::size_t at = little_endian(bytes, end + 16, 4);
  const auto entries = little_endian(bytes, end + 10, 2);
  std::uint64_t total = 0;
  for (std::uint32_t i = 0; i < entries; ++i) {
    if (at + kEntrySize > bytes.size() || bytes.substr(at, kEntry.size()) != kEntry) {
      return fail(ErrorCode::kDataCorrupt, "the workbook's directory is damaged; save it again");
    }
    const std::uint64_t packed = little_endian(bytes, at + 20, 4);
    const std::uint64_t unpacked = little_endian(bytes, at + 24, 4);
    // Deflate makes things smaller by 1032 at most.
    constexpr std::uint64_t kMostRatio = 1040;
    if (unpacked > packed * kMostRatio + kMostRatio) {
      return fail(ErrorCode::kDataCorrupt, "the workbook's directory is damaged; save it again");
    }
    total += unpacked;
    const auto name = bytes.substr(at + kEntrySize, little_endian(bytes, at + 28, 2));
    const std::size_t begin = little_endian(bytes, at + 42, 4);
    constexpr std::size_t kLocalSize = 30;
    if (name.starts_with("xl/worksheets/") && begin + kLocalSize <= bytes.size()) {
      const auto data = begin + kLocalSize + little_endian(bytes, begin + 26, 2) +
                        little_endian(bytes, begin + 28, 2);
      const auto part = data < bytes.size() ? bytes.substr(data, packed) : std::string_view();
      if (inflated_part_holds(part, "\"inlineStr\"")) {
        return fail(ErrorCode::kUnsupported,
                    "the workbook keeps texts in its cells (as R's writexl does), which cannot be "
                    "read; open and save it in Excel or LibreOffice, or save it as CSV");
      }
    }
    at += kEntrySize + little_endian(bytes, at + 28, 2) + little_endian(bytes, at + 30, 2) +
          little_endian(bytes, at + 32, 2);
  }
  return total;
}

// Whether a number format's code is one for dates.
bool is_date_code(std::string_view code) {
  bool text = false;
  bool bracket = false;
  for (const char c : code) {
    if (c == '"') text = !text;
    if (c == '[') bracket = true;
    if (!text && !bracket && std::string_view("yYdDhHsS").find(c) != std::string_view::npos)
      return true;
    if (c == ']') bracket = false;
  }
  return false;
}

class Strings final : public iface::import_shared_strings {
 public:
  std::size_t append(std::string_view s) override {
    all_.emplace_back(s);
    return all_.size() - 1;
  }
  std::size_t add(std::string_view s) override { return append(s); }
  void set_segment_font(std::size_t) override {}
  void set_segment_bold(bool) override {}
  void set_segment_italic(bool) override {}
  void set_segment_font_name(std::string_view) override {}
  void set_segment_font_size(double) override {}
  void set_segment_font_color(orcus::spreadsheet::color_elem_t, orcus::spreadsheet::color_elem_t,
                              orcus::spreadsheet::color_elem_t,
                              orcus::spreadsheet::color_elem_t) override {}
  void append_segment(std::string_view s) override { segments_ += s; }
  std::size_t commit_segments() override { return append(std::exchange(segments_, {})); }

  std::string_view at(std::size_t i) const {
    return i < all_.size() ? all_[i] : std::string_view();
  }

 private:
  std::vector<std::string> all_;
  std::string segments_;
};

// Which cell formats are dates.
class Styles final : public iface::import_styles {
  using Color = orcus::spreadsheet::color_elem_t;

 public:
  bool is_date(std::size_t xf) const {
    if (xf >= format_of_xf_.size()) return false;
    const auto id = format_of_xf_[xf];
    return (id >= 14 && id <= 22) || (id >= 45 && id <= 47) || dates_.contains(id);
  }

  void set_number_format_count(std::size_t) override {}
  void set_number_format_identifier(std::size_t id) override { identifier_ = id; }
  void set_number_format_code(std::string_view code) override { code_ = code; }
  std::size_t commit_number_format() override {
    if (is_date_code(code_)) dates_.insert(identifier_);
    code_.clear();
    return std::exchange(identifier_, 0);
  }
  void set_xf_number_format(std::size_t id) override { number_format_ = id; }
  std::size_t commit_cell_xf() override {
    format_of_xf_.push_back(std::exchange(number_format_, 0));
    return format_of_xf_.size() - 1;
  }

  // The rest of a style does not matter here.
  void set_font_count(std::size_t) override {}
  void set_font_bold(bool) override {}
  void set_font_italic(bool) override {}
  void set_font_name(std::string_view) override {}
  void set_font_size(double) override {}
  void set_font_underline(orcus::spreadsheet::underline_t) override {}
  void set_font_underline_width(orcus::spreadsheet::underline_width_t) override {}
  void set_font_underline_mode(orcus::spreadsheet::underline_mode_t) override {}
  void set_font_underline_type(orcus::spreadsheet::underline_type_t) override {}
  void set_font_underline_color(Color, Color, Color, Color) override {}
  void set_font_color(Color, Color, Color, Color) override {}
  void set_strikethrough_style(orcus::spreadsheet::strikethrough_style_t) override {}
  void set_strikethrough_type(orcus::spreadsheet::strikethrough_type_t) override {}
  void set_strikethrough_width(orcus::spreadsheet::strikethrough_width_t) override {}
  void set_strikethrough_text(orcus::spreadsheet::strikethrough_text_t) override {}
  std::size_t commit_font() override { return 0; }
  void set_fill_count(std::size_t) override {}
  void set_fill_pattern_type(orcus::spreadsheet::fill_pattern_t) override {}
  void set_fill_fg_color(Color, Color, Color, Color) override {}
  void set_fill_bg_color(Color, Color, Color, Color) override {}
  std::size_t commit_fill() override { return 0; }
  void set_border_count(std::size_t) override {}
  void set_border_style(orcus::spreadsheet::border_direction_t,
                        orcus::spreadsheet::border_style_t) override {}
  void set_border_color(orcus::spreadsheet::border_direction_t, Color, Color, Color,
                        Color) override {}
  void set_border_width(orcus::spreadsheet::border_direction_t, double,
                        orcus::length_unit_t) override {}
  std::size_t commit_border() override { return 0; }
  void set_cell_hidden(bool) override {}
  void set_cell_locked(bool) override {}
  void set_cell_print_content(bool) override {}
  void set_cell_formula_hidden(bool) override {}
  std::size_t commit_cell_protection() override { return 0; }
  void set_cell_xf_count(std::size_t) override {}
  void set_cell_style_xf_count(std::size_t) override {}
  void set_dxf_count(std::size_t) override {}
  void set_xf_font(std::size_t) override {}
  void set_xf_fill(std::size_t) override {}
  void set_xf_border(std::size_t) override {}
  void set_xf_protection(std::size_t) override {}
  void set_xf_style_xf(std::size_t) override {}
  void set_xf_apply_alignment(bool) override {}
  void set_xf_horizontal_alignment(orcus::spreadsheet::hor_alignment_t) override {}
  void set_xf_vertical_alignment(orcus::spreadsheet::ver_alignment_t) override {}
  std::size_t commit_cell_style_xf() override { return std::exchange(number_format_, 0); }
  std::size_t commit_dxf() override { return 0; }
  void set_cell_style_count(std::size_t) override {}
  void set_cell_style_name(std::string_view) override {}
  void set_cell_style_xf(std::size_t) override {}
  void set_cell_style_builtin(std::size_t) override {}
  void set_cell_style_parent_name(std::string_view) override {}
  std::size_t commit_cell_style() override { return 0; }

 private:
  std::size_t identifier_ = 0;
  std::string code_;
  // Identifiers of the formats that are dates, beside Excel's own.
  std::set<std::size_t> dates_;
  std::size_t number_format_ = 0;
  std::vector<std::size_t> format_of_xf_;
};

// Thrown through the library when a sheet has more cells than allowed.
struct TooManyCells {};

class Sheet final : public iface::import_sheet, public iface::import_formula {
 public:
  struct Cell {
    row_t row;
    col_t column;
    std::string text;
    double value = 0;
    bool number = false;
    std::size_t format = 0;
  };

  Sheet(std::string name, const Strings& strings, std::uint64_t max_cells)
      : name_(std::move(name)), strings_(strings), max_cells_(max_cells) {}

  const std::string& name() const { return name_; }
  const std::vector<Cell>& cells() const { return cells_; }

  iface::import_formula* get_formula() override { return this; }
  void set_auto(row_t row, col_t column, std::string_view s) override { text(row, column, s); }
  void set_string(row_t row, col_t column, string_id_t index) override {
    text(row, column, strings_.at(index));
  }
  void set_value(row_t row, col_t column, double value) override {
    add({row, column, "", value, true});
  }
  void set_bool(row_t row, col_t column, bool value) override {
    text(row, column, value ? "TRUE" : "FALSE");
  }
  void set_date_time(row_t row, col_t column, int year, int month, int day, int hour, int minute,
                     double second) override {
    auto date = fmt::format("{:04}-{:02}-{:02}", year, month, day);
    if (hour != 0 || minute != 0 || second != 0) {
      date += fmt::format("T{:02}:{:02}:{:02}", hour, minute, static_cast<int>(second));
    }
    text(row, column, date);
  }
  void set_format(row_t row, col_t column, std::size_t xf) override {
    if (!cells_.empty() && cells_.back().row == row && cells_.back().column == column) {
      cells_.back().format = xf;
    } else {
      pending_ = {row, column, xf};
    }
  }
  void set_format(row_t, col_t, row_t, col_t, std::size_t) override {}
  void fill_down_cells(row_t, col_t, row_t) override {}
  orcus::spreadsheet::range_size_t get_sheet_size() const override { return {1 << 20, 1 << 14}; }

  // A formula counts by the result that was saved with it.
  void set_position(row_t row, col_t column) override { formula_ = {row, column, ""}; }
  void set_formula(orcus::spreadsheet::formula_grammar_t, std::string_view) override {}
  void set_shared_formula_index(std::size_t) override {}
  void set_result_string(std::string_view value) override { formula_.text = value; }
  void set_result_value(double value) override {
    formula_.value = value;
    formula_.number = true;
  }
  void set_result_bool(bool value) override { formula_.text = value ? "TRUE" : "FALSE"; }
  void set_result_empty() override {}
  void commit() override { add(std::exchange(formula_, {})); }

 private:
  void text(row_t row, col_t column, std::string_view s) {
    add({row, column, std::string(s), 0, false});
  }
  void add(Cell cell) {
    if (cells_.size() >= max_cells_) throw TooManyCells();
    if (pending_.row == cell.row && pending_.column == cell.column) cell.format = pending_.xf;
    cells_.push_back(std::move(cell));
  }

  const std::string name_;
  const Strings& strings_;
  const std::uint64_t max_cells_;
  std::vector<Cell> cells_;
  Cell formula_{};
  struct Pending {
    row_t row = -1;
    col_t column = -1;
    std::size_t xf = 0;
  } pending_;
};

// "B3", "$B$3", "Sheet1!B3", "B3:C5" in numbers from 0; what cannot be read is A1.
orcus::spreadsheet::src_address_t address_of(std::string_view text) {
  if (const auto mark = text.rfind('!'); mark != text.npos) text.remove_prefix(mark + 1);
  orcus::spreadsheet::src_address_t out{0, 0, 0};
  constexpr int kMostColumns = 1 << 14;
  constexpr int kMostRows = 1 << 20;
  int column = 0;
  int row = 0;
  for (const char c : text) {
    if (c >= 'A' && c <= 'Z' && column < kMostColumns) column = column * 26 + (c - 'A' + 1);
    if (c >= '0' && c <= '9' && row < kMostRows) row = row * 10 + (c - '0');
  }
  if (column > 0 && column <= kMostColumns) out.column = column - 1;
  if (row > 0 && row <= kMostRows) out.row = row - 1;
  return out;
}

class References final : public iface::import_reference_resolver {
 public:
  orcus::spreadsheet::src_address_t resolve_address(std::string_view text) override {
    return address_of(text);
  }
  orcus::spreadsheet::src_range_t resolve_range(std::string_view text) override {
    const auto colon = text.find(':');
    const auto first = address_of(text.substr(0, colon));
    return {first, colon == text.npos ? first : address_of(text.substr(colon + 1))};
  }
};

class Workbook final : public iface::import_factory {
 public:
  explicit Workbook(std::uint64_t max_cells) : max_cells_(max_cells) {}

  iface::import_shared_strings* get_shared_strings() override { return &strings_; }
  iface::import_styles* get_styles() override { return &styles_; }
  iface::import_sheet* append_sheet(orcus::spreadsheet::sheet_t, std::string_view name) override {
    sheets_.push_back(std::make_unique<Sheet>(std::string(name), strings_, max_cells_));
    return sheets_.back().get();
  }
  iface::import_sheet* get_sheet(std::string_view name) override {
    for (auto& sheet : sheets_) {
      if (sheet->name() == name) return sheet.get();
    }
    return nullptr;
  }
  iface::import_sheet* get_sheet(orcus::spreadsheet::sheet_t index) override {
    const auto i = static_cast<std::size_t>(index);
    return i < sheets_.size() ? sheets_[i].get() : nullptr;
  }
  void finalize() override {}
  iface::import_reference_resolver* get_reference_resolver(
      orcus::spreadsheet::formula_ref_context_t) override {
    return &references_;
  }

  const Styles& styles() const { return styles_; }
  const std::vector<std::unique_ptr<Sheet>>& sheets() const { return sheets_; }

 private:
  const std::uint64_t max_cells_;
  Strings strings_;
  Styles styles_;
  References references_;
  std::vector<std::unique_ptr<Sheet>> sheets_;
};

// Days since 1899-12-30 (Excel's 1900 calendar), with the time of day as the fraction.
std::string date_text(double value) {
  const auto days = std::floor(value);
  // Civil from days (Hinnant), shifted from 1970-01-01.
  const auto z = static_cast<std::int64_t>(days) - 25569 + 719468;
  const auto era = (z >= 0 ? z : z - 146096) / 146097;
  const auto doe = z - era * 146097;
  const auto yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const auto doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const auto mp = (5 * doy + 2) / 153;
  const auto day = doy - (153 * mp + 2) / 5 + 1;
  const auto month = mp < 10 ? mp + 3 : mp - 9;
  auto out = fmt::format("{:04}-{:02}-{:02}", yoe + era * 400 + (month <= 2 ? 1 : 0), month, day);
  const auto seconds = std::llround((value - days) * 86400);
  if (seconds > 0 && seconds < 86400) {
    out += fmt::format("T{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  }
  return out;
}

std::string cell_text(const Sheet::Cell& cell, const Styles& styles) {
  constexpr double kLastDate = 2958466;  // 10000-01-01
  if (!cell.number) return cell.text;
  if (styles.is_date(cell.format) && cell.value >= 1 && cell.value < kLastDate) {
    return date_text(cell.value);
  }
  return std::isfinite(cell.value) ? fmt::format("{}", cell.value) : "#NUM!";
}

Result<std::string> to_csv(const Sheet& sheet, const Styles& styles, const ReadLimits& limits) {
  // Cells come row by row, formulas' results after them.
  std::vector<const Sheet::Cell*> cells;
  col_t width = 0;
  for (const auto& cell : sheet.cells()) {
    cells.push_back(&cell);
    width = std::max(width, cell.column);
  }
  std::stable_sort(cells.begin(), cells.end(), [](const auto* a, const auto* b) {
    return std::pair(a->row, a->column) < std::pair(b->row, b->column);
  });
  if (static_cast<std::uint64_t>(width) >= limits.columns) {
    return fail(ErrorCode::kTooLarge, "the sheet has more than {} columns, the limit",
                limits.columns);
  }
  std::string out;
  std::size_t i = 0;
  while (i < cells.size()) {
    const auto row = cells[i]->row;
    for (col_t c = 0; c <= width; ++c) {
      if (c > 0) out.push_back(',');
      std::string text;
      for (; i < cells.size() && cells[i]->row == row && cells[i]->column == c; ++i) {
        text = cell_text(*cells[i], styles);
      }
      append_csv_field(out, text);
    }
    out.push_back('\n');
    if (out.size() > limits.bytes) {
      return fail(ErrorCode::kTooLarge, "the sheet has more than {} bytes of text, the limit",
                  limits.bytes);
    }
  }
  return out;
}

std::string names_of(const Workbook& workbook) {
  constexpr std::size_t kShown = 12;
  std::string out;
  for (std::size_t i = 0; i < workbook.sheets().size() && i < kShown; ++i) {
    out += (out.empty() ? "" : ", ") + quoted(workbook.sheets()[i]->name());
  }
  return out;
}

}  // namespace

Result<SheetText> read_xlsx(std::string_view bytes, const ReadOptions& options) {
  const auto inflated = check_archive(bytes);
  if (!inflated) return fail(inflated);
  if (const auto most = options.limits.unpacked(bytes.size()); *inflated > most) {
    return fail(ErrorCode::kTooLarge, "the workbook holds {} bytes, the limit for one of {} is {}",
                *inflated, bytes.size(), most);
  }
  Workbook workbook(options.limits.cells);
  try {
    orcus::orcus_xlsx reader(&workbook);
    reader.read_stream(bytes);
  } catch (const TooManyCells&) {
    return fail(ErrorCode::kTooLarge, "the workbook has more than {} cells, the limit",
                options.limits.cells);
  } catch (const std::exception& error) {
    return fail(ErrorCode::kDataCorrupt,
                "the workbook cannot be read ({}); save it again, or as CSV", error.what());
  }
  const Sheet* chosen = nullptr;
  std::size_t filled = 0;
  for (const auto& sheet : workbook.sheets()) {
    if (sheet->cells().empty()) continue;
    ++filled;
    const bool wanted = options.sheet ? sheet->name() == *options.sheet : chosen == nullptr;
    if (wanted) chosen = sheet.get();
  }
  if (chosen == nullptr) {
    if (options.sheet) {
      return fail(ErrorCode::kInvalidArgument,
                  "sheet: the workbook has no sheet {} with cells; it has {}",
                  quoted(*options.sheet), names_of(workbook));
    }
    return fail(ErrorCode::kInvalidArgument,
                "the workbook has no cells; there is nothing to split");
  }
  SheetText out;
  auto csv = to_csv(*chosen, workbook.styles(), options.limits);
  if (!csv) return fail(csv);
  out.csv = *std::move(csv);
  if (filled > 1 && !options.sheet) {
    out.notes.push_back(fmt::format("the sheet {} was read; the workbook also has {} (see 'sheet')",
                                    quoted(chosen->name()), names_of(workbook)));
  }
  return out;
}

}  // namespace saola::split
