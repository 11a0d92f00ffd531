// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/auth_challenge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/base64.h"
#include "images/speed_watch.h"
#include "images/url.h"

namespace davit::images {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(AuthChallenge, ReadsWhatRegistriesSend) {
  auto challenges = ParseAuthChallenges(
      R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/a:pull,push")");
  ASSERT_EQ(challenges.size(), 1u);
  EXPECT_EQ(challenges[0].scheme, "bearer");
  EXPECT_EQ(challenges[0].params.at("realm"), "https://auth.docker.io/token");
  EXPECT_EQ(challenges[0].params.at("scope"), "repository:library/a:pull,push");
}

TEST(AuthChallenge, TellsParametersFromFurtherChallenges) {
  auto challenges = ParseAuthChallenges(
      R"(Negotiate, Basic realm="a \"b\", c" , charset=UTF-8, Negotiate abc==, BEARER Realm = x, scope=y)");
  ASSERT_EQ(challenges.size(), 4u);
  EXPECT_EQ(challenges[0].scheme, "negotiate");
  EXPECT_THAT(challenges[1].params, ElementsAre(Pair("charset", "UTF-8"), Pair("realm", "a \"b\", c")));
  EXPECT_THAT(challenges[2].params, IsEmpty());
  EXPECT_EQ(challenges[3].scheme, "bearer");
  EXPECT_THAT(challenges[3].params, ElementsAre(Pair("realm", "x"), Pair("scope", "y")));
}

TEST(AuthChallenge, EndsAtWhatItCannotRead) {
  EXPECT_THAT(ParseAuthChallenges(""), IsEmpty());
  EXPECT_THAT(ParseAuthChallenges(" ,, \""), IsEmpty());
  EXPECT_EQ(ParseAuthChallenges("Basic realm=\"never closed").size(), 1u);
}

TEST(Base64, GoesBothWays) {
  for (const std::string& text :
       {std::string(), std::string("a"), std::string("ab"), std::string("abc\0\xff", 5)}) {
    EXPECT_EQ(DecodeBase64(EncodeBase64(text)), text);
  }
  EXPECT_EQ(EncodeBase64("user:pass"), "dXNlcjpwYXNz");
  EXPECT_EQ(DecodeBase64("dQ"), "u");
  EXPECT_EQ(DecodeBase64("d"), std::nullopt);
  EXPECT_EQ(DecodeBase64("d*=="), std::nullopt);
}

TEST(Url, OriginsDifferInSchemeHostOrPort) {
  EXPECT_EQ(ParseUrl("https://Host/path?q")->Origin(), "https://host:443");
  EXPECT_EQ(ParseUrl("http://host:80/")->Origin(), "http://host:80");
  EXPECT_EQ(ParseUrl("https://[::1]:5000/")->Origin(), "https://[::1]:5000");
}

TEST(Url, ResolvesALocation) {
  Url base = *ParseUrl("https://host:1/v2/a/blobs/x");
  EXPECT_EQ(ResolveUrl(base, "/blob?sig=1")->text, "https://host:1/blob?sig=1");
  EXPECT_EQ(ResolveUrl(base, "https://other/b")->Origin(), "https://other:443");
  EXPECT_EQ(ResolveUrl(base, "y")->text, "https://host:1/v2/a/blobs/y");
}

TEST(Url, RefusesOtherSchemesAndUsers) {
  for (const char* bad :
       {"file:///etc/passwd", "ftp://host/", "https://user:pw@host/", "gopher://h/", "", "https://"}) {
    EXPECT_FALSE(ParseUrl(bad)) << bad;
  }
  EXPECT_FALSE(ResolveUrl(*ParseUrl("https://host/"), "file:///etc/passwd"));
  EXPECT_FALSE(ResolveUrl(*ParseUrl("https://host/"), "https://u:p@host/"));
}

TEST(SpeedWatch, CutsOffATrickle) {
  SpeedWatch watch({1000, 2}, 0);
  watch.Transferred(1500, 1000);
  watch.ConsumerDone(1000);
  EXPECT_FALSE(watch.TooSlow(1999));
  EXPECT_TRUE(watch.TooSlow(2000));
}

TEST(SpeedWatch, BeginsAnewAfterAGoodWindow) {
  SpeedWatch watch({1000, 2}, 0);
  watch.Transferred(5000, 1000);
  watch.ConsumerDone(1000);
  EXPECT_FALSE(watch.TooSlow(2000));
  EXPECT_FALSE(watch.TooSlow(3999));
  EXPECT_TRUE(watch.TooSlow(4000));
}

TEST(SpeedWatch, DoesNotBlameThePeerForASlowConsumer) {
  SpeedWatch watch({1000, 2}, 0);
  watch.Transferred(10, 100);
  watch.ConsumerDone(60'000);
  EXPECT_FALSE(watch.TooSlow(61'000));
}

}  // namespace
}  // namespace davit::images
