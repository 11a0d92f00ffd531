// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Credentials that are checked at a registry, without a pull.
#include "base/base64.h"
#include "images/testing/store_fixture.h"

namespace davit::images {
namespace {

using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string kRight = "Basic " + EncodeBase64("user:s3cr3t");

class Logins : public Store {
 protected:
  Result<> Check(const std::string& registry, const std::string& password) {
    RegistryAuth auth;
    auth.username = "user";
    auth.password = password;
    return store_->CheckCredentials(registry, auth, [] { return false; });
  }
  static FakeResponse Guarded(const FakeRequest& request) {
    if (request.Header("authorization") == kRight) return {200, {}, "{}", -1, false};
    return {401, {"WWW-Authenticate: Basic realm=\"r\""}, "", -1, false};
  }
};

TEST_F(Logins, AskForTheRootOfTheApi) {
  FakeServer server(Guarded);
  EXPECT_TRUE(Check(server.host(), "s3cr3t"));
  EXPECT_THAT(server.requests(), Each(Field(&FakeRequest::target, "/v2/")));
  Result<> refused = Check(server.host(), "wr0ng");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnauthenticated);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("127.0.0.1"));
  EXPECT_THAT(refused.error().ToString(), Not(HasSubstr("wr0ng")));
}

TEST_F(Logins, AskTheRegistryAndNotItsMirrors) {
  FakeServer mirror([](const FakeRequest&) { return FakeResponse{200, {}, "{}", -1, false}; });
  FakeServer server(Guarded);
  Mirrors("login.test", {"http://" + mirror.host(), "http://" + server.host()});
  EXPECT_FALSE(Check("login.test", "wrong"));
  EXPECT_TRUE(Check("login.test", "s3cr3t"));
  EXPECT_THAT(mirror.requests(), IsEmpty());
}

TEST_F(Logins, GetATokenForNoRepository) {
  FakeServer tokens([](const FakeRequest& request) {
    if (request.Header("authorization") != kRight) return FakeResponse{401, {}, "", -1, false};
    return FakeResponse{200, {}, R"({"token":"tok123"})", -1, false};
  });
  std::string challenge =
      "WWW-Authenticate: Bearer realm=\"http://" + tokens.host() + "/token\",service=\"registry\"";
  FakeServer server([&](const FakeRequest& request) {
    if (request.Header("authorization") == "Bearer tok123") return FakeResponse{200, {}, "{}", -1, false};
    return FakeResponse{401, {challenge}, "", -1, false};
  });
  EXPECT_TRUE(Check(server.host(), "s3cr3t"));
  EXPECT_EQ(Check(server.host(), "wrong").error().code, Code::kUnauthenticated);
  EXPECT_THAT(tokens.requests(), Each(Field(&FakeRequest::target, Not(HasSubstr("scope")))));
}

TEST_F(Logins, NeedTheHostOfARegistry) {
  for (const char* bad : {"", "registry", "https://registry.test", "registry.test/team", "a b.test"})
    EXPECT_EQ(Check(bad, "s3cr3t").error().code, Code::kInvalidArgument) << bad;
}

TEST_F(Logins, EndWhenTheirCallerLeaves) {
  RegistryAuth auth;
  Result<> cancelled = store_->CheckCredentials("127.0.0.1:1", auth, [] { return true; });
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, Code::kCancelled);
}

}  // namespace
}  // namespace davit::images
