// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which host of a registry gets the credentials of a push.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "images/testing/push_fixture.h"

namespace davit::images {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

// A host that the configuration of registry.example names for pushes, beside the registry itself.
class PushToOtherHost : public Push {
 protected:
  // `token` answers the token server of the host, `upload` those who have a token.
  FakeRegistry::Fault Answers(int token, int upload) {
    return [=](FakeRegistry& registry, const FakeRequest& request) -> std::optional<FakeResponse> {
      if (request.target.starts_with("/token")) return FakeResponse{token, {}, R"({"token":"anonymous"})"};
      int status = request.Header("authorization").empty() ? 401 : upload;
      return FakeResponse{
          status, {"WWW-Authenticate: Bearer realm=\"http://" + registry.host() + "/token\""}, ""};
    };
  }
  Result<PushedImage> PushBy(const std::string& host, const std::string& credentials_for) {
    std::string dir = config_.transfer.certs_d + "/registry.example";
    std::filesystem::create_directories(dir);
    std::ofstream(dir + "/hosts.toml") << "server = \"http://registry.invalid\"\n[host.\"http://" << host
                                       << "\"]\ncapabilities = [\"pull\", \"resolve\", \"push\"]\n";
    RegistryAuth auth;
    auth.username = "user";
    auth.password = kSecret;
    auth.server_address = credentials_for;
    return PushTo("registry.example/copy:v2", auth);
  }
};

TEST_F(PushToOtherHost, TheErrorSaysThatItDoesNotGetTheRegistrysCredentials) {
  for (auto [token, upload] : {std::pair(401, 401), std::pair(200, 401), std::pair(200, 403)}) {
    FakeRegistry host(Answers(token, upload));
    auto pushed = PushBy(host.host(), "registry.example");
    ASSERT_FALSE(pushed);
    EXPECT_THAT(pushed.error().ToString(),
                AnyOf(HasSubstr("those given are not for " + host.host()),
                      HasSubstr("credentials given are for registry.example and are not sent to it")))
        << token << " " << upload;
    for (const FakeRequest& request : host.requests())
      EXPECT_THAT(request.Header("authorization"), Not(HasSubstr("Basic")));
  }
}

TEST_F(PushToOtherHost, TheErrorOfOneThatGetsThemIsAboutTheAccount) {
  FakeRegistry host(Answers(200, 403));
  auto pushed = PushBy(host.host(), host.host());
  ASSERT_FALSE(pushed);
  EXPECT_THAT(pushed.error().ToString(), HasSubstr("this account may not push"));
}

}  // namespace
}  // namespace davit::images
