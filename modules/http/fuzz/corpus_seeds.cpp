// corpus_seeds ROOT OUT: writes the bytes of every case of ROOT/tests/corpus/http to a file in OUT,
// and of the chunked ones their bodies to OUT-chunked.
#include <filesystem>
#include <fstream>
#include <iostream>

#include "corpus/http/corpus.hpp"

int main(int count, char** arguments) {
  if (count != 3) {
    std::cerr << "usage: corpus_seeds ROOT OUT\n";
    return 2;
  }
  const std::string out = arguments[2];
  std::filesystem::create_directories(out);
  std::filesystem::create_directories(out + "-chunked");
  for (const auto& one : saola::corpus::load_all(arguments[1])) {
    std::string file = one.name;
    file[file.find('/')] = '-';
    std::ofstream(out + "/" + file, std::ios::binary) << one.bytes;
    const auto head_end = one.bytes.find("\r\n\r\n");
    if (head_end != std::string::npos && one.bytes.find("chunked") < head_end) {
      std::ofstream(out + "-chunked/" + file, std::ios::binary) << one.bytes.substr(head_end + 4);
    }
  }
}
