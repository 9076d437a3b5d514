#include "workbook.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <xlsxwriter.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace saola::split_task {
namespace {

constexpr std::size_t kMostRows = 1'048'575;  // below the header

// The library writes to a file only.
class TemporaryFile {
 public:
  TemporaryFile() : name_((std::filesystem::temp_directory_path() / "saola-XXXXXX").string()) {
    const int descriptor = ::mkostemp(name_.data(), O_CLOEXEC);
    if (descriptor < 0) {
      name_.clear();
    } else {
      ::close(descriptor);
    }
  }
  ~TemporaryFile() {
    if (!name_.empty()) ::unlink(name_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  // Empty when none could be made.
  const std::string& name() const { return name_; }

 private:
  std::string name_;
};

void write(lxw_worksheet* sheet, std::size_t row, std::size_t column, const std::string& text,
           bool numeric) {
  const auto r = static_cast<lxw_row_t>(row);
  const auto c = static_cast<lxw_col_t>(column);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (numeric && error == std::errc() && end == text.data() + text.size()) {
    worksheet_write_number(sheet, r, c, value, nullptr);
  } else if (!text.empty()) {
    // A string, never a formula, whatever it begins with.
    worksheet_write_string(sheet, r, c, text.c_str(), nullptr);
  }
}

}  // namespace

Result<std::string> assignment_workbook(const split::Table& table, const split::Outcome& outcome,
                                        const std::vector<std::size_t>& columns) {
  if (table.rows() > kMostRows) {
    return fail(
        ErrorCode::kTooLarge,
        "an Excel sheet holds {} rows at most, the table has {}; take assignment_format csv",
        kMostRows, table.rows());
  }
  const TemporaryFile file;
  if (file.name().empty()) {
    return fail(ErrorCode::kResourceExhausted, "no temporary file for a workbook can be made");
  }
  // Not in constant memory: that keeps texts in the cells, which not everybody reads.
  lxw_workbook* const book = workbook_new(file.name().c_str());
  if (book == nullptr) return fail(ErrorCode::kResourceExhausted, "no memory for a workbook");
  lxw_worksheet* const sheet = workbook_add_worksheet(book, "assignment");
  // The same file from the same data, whenever it is written.
  lxw_doc_properties properties{};
  properties.created = 1'577'836'800;  // 2020-01-01
  workbook_set_properties(book, &properties);
  write(sheet, 0, 0, table.columns()[outcome.id_column].name, false);
  write(sheet, 0, 1, "group", false);
  std::vector<std::vector<std::string>> texts;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    write(sheet, 0, 2 + i, table.columns()[columns[i]].name, false);
    texts.push_back(table.text(columns[i]));
  }
  const auto ids = table.text(outcome.id_column);
  for (std::size_t row = 0; row < ids.size(); ++row) {
    write(sheet, row + 1, 0, ids[row], false);
    const auto group = outcome.group_of_row[row];
    if (group != split::kNoGroup) write(sheet, row + 1, 1, outcome.groups[group].name, false);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      write(sheet, row + 1, 2 + i, texts[i][row], table.columns()[columns[i]].numeric());
    }
  }
  if (const auto failed = workbook_close(book); failed != LXW_NO_ERROR) {
    return fail(ErrorCode::kResourceExhausted, "the workbook could not be written: {}",
                lxw_strerror(failed));
  }
  std::ifstream in(file.name(), std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace saola::split_task
