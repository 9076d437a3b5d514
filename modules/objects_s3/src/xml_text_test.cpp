#include "xml_text.hpp"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace saola::objects_s3 {
namespace {

TEST(XmlText, ReadsAnErrorDocument) {
  const std::string_view xml =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code>"
      "<Message>a &lt;b&gt; &amp;amp; &#65;&#x42; &unknown; c</Message><Resource/></Error>";
  EXPECT_EQ(xml_text(xml, "Code"), "NoSuchKey");
  EXPECT_EQ(xml_text(xml, "Message"), "a <b> &amp; AB &unknown; c");
  EXPECT_EQ(xml_text(xml, "Resource"), "");
  EXPECT_EQ(xml_text(xml, "Region"), "");
}

TEST(XmlText, PrefixesAttributesAndLineBreaks) {
  EXPECT_EQ(xml_text("<s3:UploadId xmlns:s3='x'>2~abc</s3:UploadId>", "UploadId"), "2~abc");
  EXPECT_EQ(xml_text("<Message\n>one\r\ntwo\x01</Message>", "Message"), "one  two ");
}

TEST(XmlText, GarbageGivesNothingOrLittle) {
  EXPECT_EQ(xml_text("", "Code"), "");
  EXPECT_EQ(xml_text("<Code", "Code"), "");
  EXPECT_EQ(xml_text("<<<<<", "Code"), "");
  EXPECT_EQ(xml_text("not xml at all", "Code"), "");
  EXPECT_EQ(xml_text("<Code>cut of", "Code"), "cut of");
  EXPECT_EQ(xml_text("<Code>" + std::string(10'000, 'x'), "Code").size(), 1024u);
  EXPECT_EQ(xml_text("<Code>&#xD800;&#0;&#99999999999;</Code>", "Code"), "  &#99999999999;");
  EXPECT_EQ(xml_text("<Code>&#233;&#x20ac;&#x1f600;</Code>", "Code"), "é€😀");
}

TEST(XmlText, RandomBytesAreSurvived) {
  std::mt19937 random(7);
  const std::string_view alphabet("<>/&;#xCode: \n\xff", 16);
  for (int round = 0; round < 20'000; ++round) {
    std::string xml(random() % 60, ' ');
    for (char& c : xml) c = alphabet[random() % alphabet.size()];
    EXPECT_LE(xml_text(xml, "Code").size(), 60u);
  }
}

}  // namespace
}  // namespace saola::objects_s3
