#include "uploads/form_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace saola {
namespace {

struct Taken {
  std::string name;
  std::string bytes;
  bool good = false;
};

// Fed in pieces of so many bytes.
Taken take(std::string_view form, std::size_t piece) {
  Taken taken;
  FormFile file("AaB03x", [&](std::string_view bytes) {
    taken.bytes += bytes;
    return Result<void>();
  });
  for (std::size_t at = 0; at < form.size(); at += piece) {
    if (!file.feed(form.substr(at, piece))) return taken;
  }
  taken.good = file.finish().has_value();
  taken.name = file.name();
  return taken;
}

constexpr std::string_view kForm =
    "a preamble\r\n--AaB03x\r\n"
    "content-disposition: form-data; name=\"a\"\r\n\r\nvalue\r\n--AaB03x\r\n"
    "Content-Type: text/csv\r\n"
    "Content-Disposition: form-data; name=\"f\"; filename=\"u.csv\"\r\n\r\n"
    "id,x\r\n--AaB03\r\n-\r\n\r\n--AaB03x\r\n"
    "Content-Disposition: form-data; name=\"g\"; filename=\"second\"\r\n\r\nno\r\n"
    "--AaB03x--\r\nan epilogue";

TEST(FormFile, IsTheFirstPartWithAFileNameHoweverTheBytesCome) {
  for (std::size_t piece = 1; piece <= kForm.size(); ++piece) {
    const auto taken = take(kForm, piece);
    EXPECT_TRUE(taken.good) << piece;
    EXPECT_EQ(taken.name, "u.csv");
    EXPECT_EQ(taken.bytes, "id,x\r\n--AaB03\r\n-\r\n");
  }
}

TEST(FormFile, MayBeEmpty) {
  const auto taken = take(
      "--AaB03x\r\nContent-Disposition: form-data; filename=\"e\"\r\n\r\n\r\n--AaB03x--\r\n", 7);
  EXPECT_TRUE(taken.good);
  EXPECT_EQ(taken.bytes, "");
}

TEST(FormFile, WhatIsCutShortOrHoldsNoFileIsRefused) {
  const auto cut = kForm.find("AaB03x--");
  EXPECT_FALSE(take(kForm.substr(0, cut), 100).good);
  EXPECT_FALSE(take("--AaB03x--\r\n", 100).good);
  EXPECT_FALSE(take("no form at all", 100).good);
  EXPECT_FALSE(take("", 100).good);
  EXPECT_FALSE(take("--AaB03x\r\n" + std::string(20'000, 'h'), 1000).good);
}

}  // namespace
}  // namespace saola
