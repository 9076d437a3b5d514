#include "table/formats.hpp"

#include <array>

namespace saola::split {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::string_view bytes;
  std::string_view what;
  std::string_view remedy;
};

constexpr std::array kOthers = {
    Magic{"PAR1"sv, "a Parquet file",
          "convert it, for example with Python: "
          "pandas.read_parquet('in.parquet').to_csv('out.csv', index=False)"},
    Magic{"ARROW1"sv, "an Arrow (Feather) file",
          "convert it, for example with Python: "
          "pandas.read_feather('in.arrow').to_csv('out.csv', index=False)"},
    Magic{"FEA1"sv, "a Feather file",
          "convert it, for example with Python: "
          "pandas.read_feather('in.feather').to_csv('out.csv', index=False)"},
    Magic{"\xD0\xCF\x11\xE0"sv, "an old Excel workbook (.xls)", "save it as .xlsx or CSV"},
    Magic{"%PDF-"sv, "a PDF", "save the table as CSV"},
    Magic{"BZh"sv, "compressed with bzip2", "compress it with gzip or zstd, or not at all"},
    Magic{"\xFD"
          "7zXZ\0"sv,
          "compressed with xz", "compress it with gzip or zstd, or not at all"},
    Magic{"7z\xBC\xAF\x27\x1C"sv, "a 7-Zip archive", "extract the table from it"},
    Magic{"Rar!"sv, "a RAR archive", "extract the table from it"},
    Magic{"SQLite format 3"sv, "an SQLite database", "export the table as CSV"},
    Magic{"RDX"sv, "an R data file",
          "write it in R with write.csv(x, 'out.csv', row.names = FALSE)"},
    Magic{"$FL2"sv, "an SPSS file", "export it as CSV"},
    Magic{"\x89HDF"sv, "an HDF5 file", "export the table as CSV"},
};

// Text that is no table: "<!DOCTYPE html>", "{…}".
std::string_view text_kind(std::string_view bytes) {
  const auto first = bytes.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (first == bytes.npos) return {};
  const auto begin = bytes.substr(first, 512);
  if (begin.starts_with("<!") || begin.starts_with("<html") || begin.starts_with("<HTML") ||
      begin.starts_with("<table")) {
    return "an HTML page (a log-in page or an error, perhaps)";
  }
  if (begin.starts_with("<?xml")) return "an XML file";
  if (begin.starts_with("{\"") || begin.starts_with("[{") || begin.starts_with("{\n") ||
      begin.starts_with("{\r") || begin.starts_with("[\n") || begin.starts_with("{ ")) {
    return "a JSON file";
  }
  return {};
}

}  // namespace

bool is_xlsx(std::string_view bytes) {
  return bytes.starts_with("PK\x03\x04") && bytes.find("xl/") != bytes.npos;
}

Result<void> check_format(std::string_view bytes) {
  for (const auto& other : kOthers) {
    if (bytes.starts_with(other.bytes)) {
      return fail(ErrorCode::kUnsupported,
                  "the file is not CSV or an Excel workbook: it looks like {}; {}", other.what,
                  other.remedy);
    }
  }
  if (bytes.starts_with("PK\x03\x04") && !is_xlsx(bytes)) {
    const bool calc = bytes.find("opendocument.spreadsheet") != bytes.npos;
    return fail(ErrorCode::kUnsupported,
                "the file is not CSV or an Excel workbook: it looks like {}",
                calc ? "an OpenDocument spreadsheet (.ods); save it as .xlsx or CSV"
                     : "a zip archive; extract the table from it");
  }
  if (const auto kind = text_kind(bytes); !kind.empty()) {
    return fail(ErrorCode::kUnsupported,
                "the file is not CSV or an Excel workbook: it looks like {}; save the table as CSV",
                kind);
  }
  return {};
}

}  // namespace saola::split
