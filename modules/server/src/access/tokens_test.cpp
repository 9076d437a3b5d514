#include "access/tokens.hpp"

#include <sys/stat.h>

#include <fstream>

#include <gmock/gmock.h>

#include <saola/testing/temp_folder.hpp>

namespace saola::server {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Tokens, AreFoundByTheirTextAndKeptAsAHashOnly) {
  const auto ann = make_token("ann", http::Role::kRead);
  const auto bob = make_token("bob@example.org", http::Role::kOperate);
  ASSERT_TRUE(ann);
  ASSERT_TRUE(bob);
  EXPECT_EQ(ann->text.size(), 49u);
  EXPECT_NE(ann->text, bob->text);
  EXPECT_THAT(bob->token.line(), Not(HasSubstr(bob->text.substr(6))));

  const auto again = Token::parse(bob->token.line());
  ASSERT_TRUE(again) << again.error().message();
  const std::vector<Token> tokens{ann->token, *again};
  ASSERT_NE(find_token(tokens, bob->text), nullptr);
  EXPECT_EQ(find_token(tokens, bob->text)->name, "bob@example.org");
  EXPECT_EQ(find_token(tokens, bob->text)->role, http::Role::kOperate);
  EXPECT_EQ(find_token(tokens, bob->text + "x"), nullptr);
  EXPECT_EQ(find_token(tokens, bob->text.substr(1)), nullptr);
  EXPECT_EQ(find_token(tokens, ""), nullptr);
}

TEST(Tokens, LinesThatAreNoneAreRefused) {
  const std::string hash(64, 'a');
  EXPECT_TRUE(Token::parse("ci submit sha256:" + hash));
  EXPECT_TRUE(Token::parse("  ci \t submit   sha256:" + hash + "\r"));
  for (const std::string& line : std::vector<std::string>{
           "", "ci", "ci submit", "ci submit " + hash, "ci none sha256:" + hash,
           "ci admin sha256:" + hash, "c:i read sha256:" + hash, "ci read sha256:" + hash + "a",
           "ci read sha256:" + hash.substr(1), "ci read sha256:" + std::string(64, 'g'),
           "ci read sha256:" + hash + " more", std::string(65, 'n') + " read sha256:" + hash}) {
    EXPECT_FALSE(Token::parse(line)) << line;
  }
}

TEST(Tokens, AFileSaysWhichLineIsWrongAndMayNotBeEverybodys) {
  const TempFolder directory;
  const std::string path = directory.path() + "/tokens";
  const std::string line = make_token("ci", http::Role::kRead)->token.line();
  std::ofstream(path) << "# ours\n\n" << line << "\nci write sha256:00\n";
  EXPECT_THAT(read_tokens_file(path).error().message(), HasSubstr(path + ":4: "));
  std::ofstream(path) << "# ours\n\n" << line;
  ASSERT_TRUE(read_tokens_file(path));
  EXPECT_EQ(read_tokens_file(path)->at(0).name, "ci");
  ::chmod(path.c_str(), 0666);
  EXPECT_EQ(read_tokens_file(path).error().code(), ErrorCode::kPermissionDenied);
  EXPECT_EQ(read_tokens_file(path + "x").error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace saola::server
