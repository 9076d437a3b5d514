// Reads the cases of tests/corpus/http; the format is docs/formats/http-corpus.md.
#pragma once

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace saola::corpus {

// What one request of the bytes must be, or was.
struct Exchange {
  std::string line;  // "GET /target 1.1"
  std::optional<std::string> path, query, host;
  std::optional<std::vector<std::string>> fields;  // "Name: value"
  std::vector<std::string> trailers;
  std::string body;
  bool keep_alive = true;
};

struct Case {
  std::string name;  // "invalid/obs-fold"
  std::string clause;
  std::vector<Exchange> exchanges;  // complete requests, in order
  int refuse = 0;                   // status of the refusal that follows them; 0 for none
  bool wait = false;                // the bytes end inside a request
  std::string bytes;
};

// "\r", "\n", "\t", "\\", "\xHH" and "\{COUNT*TEXT}".
inline std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    switch (const char c = text.at(++i)) {
      case 'r':
        out += '\r';
        break;
      case 'n':
        out += '\n';
        break;
      case 't':
        out += '\t';
        break;
      case '\\':
        out += '\\';
        break;
      case 'x': {
        int value = 0;
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
        out += static_cast<char>(value);
        i += 2;
        break;
      }
      case '{': {
        const auto star = text.find('*', i);
        const auto end = text.find('}', star);
        int count = 0;
        std::from_chars(text.data() + i + 1, text.data() + star, count);
        const std::string part = unescape(text.substr(star + 1, end - star - 1));
        for (int k = 0; k < count; ++k) out += part;
        i = end;
        break;
      }
      default:
        throw std::runtime_error(std::string("unknown escape \\") + c);
    }
  }
  return out;
}

inline Case load_case(const std::filesystem::path& file) {
  Case result;
  result.name = file.parent_path().filename().string() + "/" + file.stem().string();
  std::ifstream in(file, std::ios::binary);
  std::string line;
  while (std::getline(in, line) && line != "---") {
    const auto colon = line.find(':');
    const std::string key = line.substr(0, colon);
    const std::string value =
        colon == std::string::npos || colon + 2 > line.size() ? "" : line.substr(colon + 2);
    const auto last = [&]() -> Exchange& {
      return result.exchanges.at(result.exchanges.size() - 1);
    };
    if (key == "clause") {
      result.clause = value;
    } else if (key == "request") {
      result.exchanges.emplace_back().line = unescape(value);
    } else if (key == "path") {
      last().path = unescape(value);
    } else if (key == "query") {
      last().query = unescape(value);
    } else if (key == "host") {
      last().host = unescape(value);
    } else if (key == "field") {
      if (!last().fields) last().fields.emplace();
      last().fields->push_back(unescape(value));
    } else if (key == "trailer") {
      last().trailers.push_back(unescape(value));
    } else if (key == "body") {
      last().body = unescape(value);
    } else if (key == "close") {
      last().keep_alive = false;
    } else if (key == "refuse") {
      result.refuse = std::stoi(value);
    } else if (key == "wait") {
      result.wait = true;
    } else if (key != "about" && !line.empty()) {
      throw std::runtime_error(result.name + ": unknown key '" + key + "'");
    }
  }
  std::string text;
  while (std::getline(in, line)) text += line;
  result.bytes = unescape(text);
  return result;
}

// All cases below `root`/tests/corpus/http, sorted by name.
inline std::vector<Case> load_all(const std::filesystem::path& root) {
  std::vector<Case> cases;
  for (const char* folder : {"valid", "invalid"}) {
    for (const auto& entry :
         std::filesystem::directory_iterator(root / "tests/corpus/http" / folder)) {
      if (entry.path().extension() == ".case") cases.push_back(load_case(entry.path()));
    }
  }
  std::ranges::sort(cases, {}, &Case::name);
  return cases;
}

}  // namespace saola::corpus
