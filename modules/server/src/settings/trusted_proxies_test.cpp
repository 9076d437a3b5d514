#include "settings/trusted_proxies.hpp"

#include <gtest/gtest.h>

namespace saola::server {
namespace {

TrustedProxies proxies(const std::vector<std::string>& texts) {
  return *TrustedProxies::parse(texts);
}

std::optional<std::string> client(const TrustedProxies& trusted, std::string_view peer,
                                  std::string_view forwarded) {
  const http::Field field{"x-forwarded-for", forwarded};
  return trusted.client(peer, http::HeaderView({&field, 1}));
}

TEST(TrustedProxies, MatchesAddressesAndNetworks) {
  const TrustedProxies trusted = proxies({"127.0.0.1", "10.0.0.0/8", "fd00::/8", "192.0.2.128/25"});
  for (const char* yes : {"127.0.0.1:80", "127.0.0.1", "10.255.1.2:1", "[fd12::1]:8",
                          "fd00::", "192.0.2.128:1", "[::ffff:10.1.1.1]:5", "unix"}) {
    EXPECT_TRUE(trusted.trusts(yes)) << yes;
  }
  for (const char* no :
       {"127.0.0.2:80", "11.0.0.1:1", "[fe00::1]:1", "192.0.2.127:1", "", "x", "10.0.0.1.evil"}) {
    EXPECT_FALSE(trusted.trusts(no)) << no;
  }
  EXPECT_TRUE(proxies({"*"}).trusts("203.0.113.1:1"));
  EXPECT_FALSE(proxies({}).trusts("127.0.0.1:1"));
  EXPECT_TRUE(proxies({"0.0.0.0/0"}).trusts("1.2.3.4:5"));
}

TEST(TrustedProxies, RefusesNonsense) {
  for (const char* text :
       {"", "x", "10.0.0.0/33", "fd00::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "1.2.3"}) {
    EXPECT_FALSE(TrustedProxies::parse({text})) << text;
  }
}

TEST(TrustedProxies, TheClientIsTheLastHopThatIsNotTrusted) {
  const TrustedProxies trusted = proxies({"10.0.0.0/8"});
  EXPECT_EQ(client(trusted, "10.0.0.1:1", "192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(client(trusted, "10.0.0.1:1", "6.6.6.6, 192.0.2.1, 10.9.9.9"), "192.0.2.1");
  EXPECT_EQ(client(trusted, "10.0.0.1:1", "10.0.0.7, 10.0.0.8"), "10.0.0.7");
  EXPECT_EQ(client(trusted, "10.0.0.1:1", "2001:db8::1"), "2001:db8::1");
  EXPECT_EQ(client(trusted, "203.0.113.1:1", "192.0.2.1"), std::nullopt) << "not a proxy";
  EXPECT_EQ(client(trusted, "10.0.0.1:1", "<script>"), std::nullopt);
  EXPECT_EQ(client(trusted, "10.0.0.1:1", ", ,"), std::nullopt);
}

TEST(TrustedProxies, PrefixesAreTakenFromTrustedPeersAndOnlyPlainOnes) {
  const TrustedProxies proxies = *TrustedProxies::parse({"10.0.0.0/8"});
  const auto prefix = [&](std::string_view peer, std::string_view said) {
    const std::vector<http::Field> fields{{"X-Forwarded-Prefix", std::string(said)}};
    return proxies.prefix(peer, http::HeaderView(fields));
  };
  EXPECT_EQ(prefix("10.1.1.1:5", "/a"), "/a");
  EXPECT_EQ(prefix("unix", "/a/b-c.d/"), "/a/b-c.d");
  EXPECT_EQ(prefix("10.1.1.1:5", "/"), "");
  EXPECT_EQ(prefix("192.0.2.1:5", "/a"), std::nullopt);
  for (const char* bad : {"//evil.example", "/a//b", "a", "/a/../b", "/<b>", "/a, /b", "/%2f"}) {
    EXPECT_EQ(prefix("unix", bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace saola::server
