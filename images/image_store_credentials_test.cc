// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which server gets the credentials of a pull, redirects included, and that no error shows them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>

#include "base/base64.h"
#include "images/testing/store_fixture.h"

namespace davit::images {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kSecret[] = "s3cr3t-p4ssw0rd";

RegistryAuth UserAndPassword() {
  RegistryAuth auth;
  auth.username = "user";
  auth.password = kSecret;
  return auth;
}

TEST_F(Store, BasicCredentialsAreSentOnlyWhenAskedFor) {
  const std::string expected = "Basic " + EncodeBase64(std::string("user:") + kSecret);
  FakeServer server([&](const FakeRequest& request) {
    if (request.Header("authorization") == expected) return Serve(image_, request);
    return FakeResponse{401, {"WWW-Authenticate: Basic realm=\"r\""}, "", -1, false};
  });
  auto pulled = Pull(server.host() + "/app", UserAndPassword());
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_EQ(server.requests()[0].Header("authorization"), "");
  RegistryAuth encoded;
  encoded.auth = EncodeBase64(std::string("user:") + kSecret);
  EXPECT_TRUE(Pull(server.host() + "/app", encoded));
  FakeServer open([this](const FakeRequest& request) { return Serve(image_, request); });
  ASSERT_TRUE(Pull(open.host() + "/app", UserAndPassword()));
  for (const FakeRequest& request : open.requests()) EXPECT_EQ(request.Header("authorization"), "");
}

// A registry with a token server, which takes what `accept` accepts.
class TokenStore : public Store {
 protected:
  void Run(const std::function<bool(const FakeRequest&)>& accept) {
    tokens_ = std::make_unique<FakeServer>([accept](const FakeRequest& request) {
      if (!accept(request))
        return FakeResponse{401, {}, std::string("{\"detail\":\"") + kSecret + "\"}", -1, false};
      return FakeResponse{200, {}, R"({"token":"tok123"})", -1, false};
    });
    std::string challenge = "WWW-Authenticate: Bearer realm=\"http://" + tokens_->host() +
                            "/token\",service=\"the service\",scope=\"repository:app:pull\"";
    registry_ = std::make_unique<FakeServer>([this, challenge](const FakeRequest& request) {
      if (request.Header("authorization") == "Bearer tok123") return Serve(image_, request);
      return FakeResponse{401, {challenge}, "", -1, false};
    });
  }
  std::unique_ptr<FakeServer> tokens_;
  std::unique_ptr<FakeServer> registry_;
};

TEST_F(TokenStore, GetsATokenOnceForAllLayers) {
  Run([](const FakeRequest& request) {
    return request.Header("authorization") == "Basic " + EncodeBase64(std::string("user:") + kSecret);
  });
  auto pulled = Pull(registry_->host() + "/app", UserAndPassword());
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  ASSERT_THAT(tokens_->requests(), SizeIs(1));
  EXPECT_EQ(tokens_->requests()[0].target,
            "/token?scope=repository%3Aapp%3Apull&service=the%20service&account=user");
}

TEST_F(TokenStore, GetsAnAnonymousToken) {
  Run([](const FakeRequest& request) { return request.Header("authorization").empty(); });
  EXPECT_TRUE(Pull(registry_->host() + "/app"));
}

TEST_F(TokenStore, TradesAnIdentityToken) {
  Run([](const FakeRequest& request) {
    return request.method == "POST" && request.body.find("grant_type=refresh_token") != std::string::npos &&
           request.body.find("refresh_token=id%2Btoken") != std::string::npos;
  });
  RegistryAuth auth;
  auth.identity_token = "id+token";
  auto pulled = Pull(registry_->host() + "/app", auth);
  EXPECT_TRUE(pulled) << pulled.error().ToString();
}

TEST_F(TokenStore, SendsARegistryTokenAsItIs) {
  Run([](const FakeRequest&) { return false; });
  RegistryAuth auth;
  auth.registry_token = "tok123";
  EXPECT_TRUE(Pull(registry_->host() + "/app", auth));
  EXPECT_THAT(tokens_->requests(), IsEmpty());
}

TEST_F(TokenStore, NoErrorContainsACredential) {
  Run([](const FakeRequest&) { return false; });
  RegistryAuth user = UserAndPassword();
  RegistryAuth identity;
  identity.identity_token = kSecret;
  RegistryAuth bearer;
  bearer.registry_token = kSecret;
  RegistryAuth encoded;
  encoded.auth = EncodeBase64(std::string("user:") + kSecret);
  RegistryAuth malformed;
  malformed.auth = std::string("*") + kSecret;
  FakeServer echo([](const FakeRequest& request) {  // and a server that repeats all that it is sent
    std::string sent = request.Header("authorization") + request.body;
    return FakeResponse{request.Header("authorization").empty() ? 401 : 403,
                        {"WWW-Authenticate: Basic realm=\"" + sent + "\""},
                        R"({"errors":[{"code":")" + sent + R"(","message":")" + sent + "\"}]}",
                        -1,
                        false};
  });
  for (const RegistryAuth& auth : {user, identity, bearer, encoded, malformed}) {
    for (const std::string& host : {registry_->host(), echo.host()}) {
      auto refused = Pull(host + "/app", auth);
      ASSERT_FALSE(refused);
      std::string text = refused.error().ToString();
      EXPECT_THAT(text, Not(HasSubstr(kSecret)));
      EXPECT_THAT(text, Not(HasSubstr(EncodeBase64(std::string("user:") + kSecret))));
      if (auth == user && host == registry_->host()) {
        EXPECT_EQ(refused.error().code, Code::kUnauthenticated) << text;
        EXPECT_THAT(text, HasSubstr("refused the credentials"));
      }
    }
  }
  ExpectNothingLeft();
}

TEST_F(Store, ATokenThatExpiresWithinALayerIsRenewedThere) {
  std::string tar = TarBuilder().File("file", std::string(100'000, 'x')).Finish();
  image_ = TestImage::Make({{tar, tar, "application/vnd.oci.image.layer.v1.tar"}});
  std::atomic<int> issued = 0;
  FakeServer tokens([&](const FakeRequest&) {
    return FakeResponse{200, {}, R"({"token":"tok)" + std::to_string(++issued) + "\"}", -1, false};
  });
  std::string challenge = "WWW-Authenticate: Bearer realm=\"http://" + tokens.host() + "/token\"";
  std::atomic<bool> expired = false;
  FakeServer registry([&](const FakeRequest& request) {
    if (request.Header("authorization") != (expired ? "Bearer tok2" : "Bearer tok1"))
      return FakeResponse{401, {challenge}, "", -1, false};
    FakeResponse response = Serve(image_, request);
    if (response.body != tar) return response;
    if (!request.Header("range").empty()) return ServeRange(std::move(response), request);
    expired = true;
    response.cut_after = 50'000;
    return response;
  });
  auto pulled = Pull(registry.host() + "/app");
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_EQ(issued, 2);
  EXPECT_EQ(Content(*pulled, 0, "file"), std::string(100'000, 'x'));
  EXPECT_THAT(registry.requests().back().Header("range"), HasSubstr("bytes=")) << "it goes on where it was";
}

TEST_F(Store, ARedirectToAnotherHostGetsNoCredentials) {
  FakeServer storage([this](const FakeRequest& request) { return Serve(image_, request); });
  FakeServer registry([&](const FakeRequest& request) {
    if (request.Header("authorization").empty()) {
      return FakeResponse{401, {"WWW-Authenticate: Basic realm=\"r\""}, "", -1, false};
    }
    if (request.target.find("/blobs/") == std::string::npos) return Serve(image_, request);
    std::string path = request.target.substr(request.target.rfind('/'));
    return FakeResponse{
        307, {"Location: http://" + storage.host() + path + "?sig=" + kSecret}, "", -1, false};
  });
  std::filesystem::create_directories(config_.certs_d + "/" + registry.host());
  std::ofstream(config_.certs_d + "/" + registry.host() + "/hosts.toml")
      << "server = \"http://" << registry.host() << "\"\n[header]\nX-Api-Key = \"" << kSecret << "\"\n";
  auto pulled = Pull(registry.host() + "/app", UserAndPassword());
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_THAT(storage.requests(), SizeIs(4));
  for (const FakeRequest& request : storage.requests()) {
    EXPECT_EQ(request.Header("authorization"), "");
    EXPECT_EQ(request.Header("x-api-key"), "");
  }
  EXPECT_EQ(registry.requests()[0].Header("x-api-key"), kSecret);
}

TEST_F(Store, AnErrorBehindARedirectDoesNotShowTheSignature) {
  FakeServer storage([](const FakeRequest&) { return FakeResponse{403, {}, "", -1, false}; });
  FakeServer registry([&](const FakeRequest& request) {
    if (request.target.find("/blobs/") == std::string::npos) return Serve(image_, request);
    return FakeResponse{302, {"Location: http://" + storage.host() + "/b?sig=" + kSecret}, "", -1, false};
  });
  auto pulled = Pull(registry.host() + "/app");
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code, Code::kPermissionDenied);
  EXPECT_THAT(pulled.error().ToString(), Not(HasSubstr(kSecret)));
}

TEST_F(Store, RedirectsAreFollowedWithinReason) {
  for (const char* location : {"/v2/app/again", "file:///etc/passwd", "http://user:pw@127.0.0.1/", ""}) {
    FakeServer registry([&](const FakeRequest&) {
      return FakeResponse{302, {std::string("Location: ") + location}, "", -1, false};
    });
    EXPECT_EQ(Pull(registry.host() + "/app").error().code, Code::kUnavailable) << location;
    EXPECT_LE(registry.requests().size(), 11u);
  }
}

}  // namespace
}  // namespace davit::images
