// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Redirects, credentials, encodings and proxies.
#include "images/registry_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>

#include "base/base64.h"
#include "base/time.h"
#include "images/testing/registry_client_fixture.h"
#include "images/testing/tar_builder.h"

namespace davit::images {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kSecret[] = "s3cr3t-p4ssw0rd";

RegistryAuth UserAndPassword() {
  RegistryAuth auth;
  auth.username = "user";
  auth.password = kSecret;
  return auth;
}

const std::string kBasic = "Basic " + EncodeBase64(std::string("user:") + kSecret);

std::vector<std::string> Authorizations(FakeServer& server) {
  std::vector<std::string> sent;
  for (const FakeRequest& request : server.requests())
    sent.push_back(request.Header("authorization") + request.body);
  return sent;
}

// A registry that redirects blobs to another one, which has a token server of its own.
TEST_F(RegistryClientTest, ARedirectTargetsChallengeIsAnsweredAnonymously) {
  FakeServer tokens([](const FakeRequest&) { return FakeResponse{200, {}, R"({"token":"anonymous"})"}; });
  FakeServer target([&](const FakeRequest& request) {
    if (request.Header("authorization") == "Bearer anonymous") return Serve(request);
    return Status(401, {"WWW-Authenticate: Bearer realm=\"http://" + tokens.host() +
                            "/token\",scope=\"repository:other:pull\"",
                        "WWW-Authenticate: Basic realm=\"r\""});
  });
  FakeServer registry([&](const FakeRequest& request) {
    if (request.Header("authorization") != kBasic)
      return Status(401, {"WWW-Authenticate: Basic realm=\"r\""});
    return Status(307, {"Location: http://" + target.host() + request.target});
  });
  auto fetched = FetchBlob({&registry}, UserAndPassword());
  ASSERT_TRUE(fetched) << fetched.error().ToString();
  EXPECT_EQ(sink_.text, kBlob);
  EXPECT_THAT(Authorizations(target), Each(Not(HasSubstr("Basic"))));
  ASSERT_THAT(tokens.requests(), SizeIs(1));
  EXPECT_EQ(tokens.requests()[0].Header("authorization"), "");
  EXPECT_EQ(tokens.requests()[0].target, "/token?scope=repository%3Aother%3Apull");
}

TEST_F(RegistryClientTest, ARedirectTargetThatWantsAPasswordGetsNone) {
  FakeServer target([](const FakeRequest&) { return Status(401, {"WWW-Authenticate: Basic realm=\"r\""}); });
  FakeServer registry([&](const FakeRequest& request) {
    return Status(307, {"Location: http://" + target.host() + request.target});
  });
  auto fetched = FetchBlob({&registry}, UserAndPassword());
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, Code::kUnauthenticated);
  EXPECT_THAT(Authorizations(target), Each(""));
}

TEST_F(RegistryClientTest, ATokenServersRedirectIsFollowedWithCredentialsOnItsOwnOriginOnly) {
  FakeServer elsewhere([](const FakeRequest&) { return FakeResponse{200, {}, R"({"token":"tok"})"}; });
  FakeServer tokens([&](const FakeRequest& request) {
    if (request.target.starts_with("/old")) return Status(302, {"Location: /new?x=1"});
    if (request.target.starts_with("/far"))
      return Status(307, {"Location: http://" + elsewhere.host() + "/t"});
    return FakeResponse{200, {}, R"({"token":"tok"})"};
  });
  FakeServer registry(AsksForTokensOf("http://" + tokens.host() + "/old"));
  auto fetched = Client({&registry}, UserAndPassword())->FetchManifest("v1");
  ASSERT_TRUE(fetched) << fetched.error().ToString();
  ASSERT_THAT(tokens.requests(), SizeIs(2));
  EXPECT_EQ(tokens.requests()[1].target, "/new?x=1");
  EXPECT_THAT(Authorizations(tokens), Each(kBasic));

  FakeServer second(AsksForTokensOf("http://" + tokens.host() + "/far"));
  EXPECT_TRUE(Client({&second}, UserAndPassword())->FetchManifest("v1"));
  EXPECT_THAT(Authorizations(elsewhere), AllOf(SizeIs(1), Each("")));

  RegistryAuth identity;
  identity.identity_token = kSecret;
  auto refused = Client({&second}, identity)->FetchManifest("v1");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("redirects the login"));
  EXPECT_THAT(elsewhere.requests(), SizeIs(1)) << "the identity token is in the form";
}

TEST_F(RegistryClientTest, ATokenServersPauseIsObeyedWithinBounds) {
  std::atomic<int> asked = 0;
  FakeServer tokens([&](const FakeRequest&) {
    return ++asked == 1 ? Status(429, {"Retry-After: 1"}) : FakeResponse{200, {}, R"({"token":"tok"})"};
  });
  FakeServer registry(AsksForTokensOf("http://" + tokens.host() + "/t"));
  int64_t before = MonotonicMilliseconds();
  auto fetched = Client({&registry})->FetchManifest("v1");
  EXPECT_TRUE(fetched) << fetched.error().ToString();
  EXPECT_GE(MonotonicMilliseconds() - before, 1000);

  FakeServer late([](const FakeRequest&) { return Status(503, {"Retry-After: 3600"}); });
  FakeServer second(AsksForTokensOf("http://" + late.host() + "/t"));
  auto refused = Client({&second})->FetchManifest("v1");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_THAT(refused.error().ToString(),
              AllOf(HasSubstr("the token server answered 503"), HasSubstr("3600 s")));
  EXPECT_THAT(late.requests(), SizeIs(1));
}

TEST_F(RegistryClientTest, ATokenServersRedirectsEnd) {
  FakeServer tokens([](const FakeRequest&) { return Status(302, {"Location: /again"}); });
  FakeServer registry(AsksForTokensOf("http://" + tokens.host() + "/again"));
  options_.retry.attempts = 1;
  EXPECT_EQ(Client({&registry})->FetchManifest("v1").error().code, Code::kUnavailable);
  EXPECT_LE(tokens.requests().size(), 11u);
}

TEST_F(RegistryClientTest, CredentialsGoToTheServerThatTheyNameOnly) {
  auto locked = [](const FakeRequest& request) {
    if (request.Header("authorization") == kBasic) return Serve(request);
    return Status(401, {"WWW-Authenticate: Basic realm=\"r\""});
  };
  FakeServer mirror(locked);
  FakeServer upstream(locked);
  for (const std::string& address : {upstream.host(), "http://" + upstream.host() + "/v2/"}) {
    RegistryAuth auth = UserAndPassword();
    auth.server_address = address;
    auto fetched = Client({&mirror, &upstream}, auth)->FetchManifest("v1");
    ASSERT_TRUE(fetched) << fetched.error().ToString();
    EXPECT_THAT(Authorizations(mirror), Each(""));
  }
  RegistryAuth foreign = UserAndPassword();
  foreign.server_address = "another.example";
  auto refused = Client({&upstream}, foreign)->FetchManifest("v1");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnauthenticated);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("is not for it"));
  ASSERT_TRUE(Client({&mirror}, UserAndPassword())->FetchManifest("v1")) << "without an address, for all";
}

TEST_F(RegistryClientTest, CredentialsForTheRegistryGoToTheServerThatActsForIt) {
  auto locked = [](const FakeRequest& request) {
    if (request.Header("authorization") == kBasic) return Serve(request);
    return Status(401, {"WWW-Authenticate: Basic realm=\"r\""});
  };
  FakeServer mirror(locked);
  FakeServer server(locked);
  RegistryAuth auth = UserAndPassword();
  for (const char* address : {"registry.example", "https://registry.example/v2/"}) {
    auth.server_address = address;
    auto fetched = Client({&mirror, &server}, auth)->FetchManifest("v1");
    ASSERT_TRUE(fetched) << fetched.error().ToString();
  }
  EXPECT_THAT(Authorizations(mirror), Each(""));
}

TEST_F(RegistryClientTest, CredentialsForAnotherServerMayStillGetAnAnonymousToken) {
  FakeServer tokens([](const FakeRequest&) { return FakeResponse{200, {}, R"({"token":"tok"})"}; });
  FakeServer registry(AsksForTokensOf("http://" + tokens.host() + "/t"));
  RegistryAuth auth = UserAndPassword();
  auth.server_address = "another.example";
  EXPECT_TRUE(Client({&registry}, auth)->FetchManifest("v1"));
  EXPECT_THAT(Authorizations(tokens), Each(""));
}

TEST_F(RegistryClientTest, AManifestThatIsCompressedUnaskedIsDecoded) {
  FakeServer server(
      [](const FakeRequest&) { return FakeResponse{200, {"Content-Encoding: gzip"}, Gzip(kManifest)}; });
  auto fetched = Client({&server})->FetchManifest(*Sha256Of(kManifest));
  ASSERT_TRUE(fetched) << fetched.error().ToString();
  EXPECT_EQ(fetched->bytes, kManifest);
  EXPECT_EQ(server.requests()[0].Header("accept-encoding"), "identity");
}

TEST_F(RegistryClientTest, ABlobIsTakenAsItIs) {
  std::string layer = Gzip(kBlob);
  FakeServer server([&](const FakeRequest&) { return FakeResponse{200, {"Content-Encoding: gzip"}, layer}; });
  descriptor_ = {"", *Sha256Of(layer), static_cast<int64_t>(layer.size()), std::nullopt, {}};
  ASSERT_TRUE(FetchBlob({&server}));
  EXPECT_EQ(sink_.text, layer);
  EXPECT_EQ(server.requests()[0].Header("accept-encoding"), "identity");
}

class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) { setenv(name, value.c_str(), 1); }
  ~Variable() { unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

TEST_F(RegistryClientTest, TheEnvironmentsProxyIsUsed) {
  FakeServer proxy(Serve);  // a request to a proxy has a complete URL (RFC 9112 section 3.2.2)
  Variable http_proxy("HTTP_PROXY", "http://" + proxy.host());
  Variable no_proxy("NO_PROXY", "*.direct.invalid");
  Reference reference = *ParseReference("registry.example/app:v1");
  RegistryHost host;
  host.scheme = "http";
  host.host = "registry.invalid";
  auto proxied = RegistryClient::Create(reference, {host}, std::nullopt, options_, interrupt_);
  auto fetched = (*proxied)->FetchManifest("v1");
  ASSERT_TRUE(fetched) << fetched.error().ToString();
  EXPECT_THAT(proxy.requests()[0].target, HasSubstr("http://registry.invalid/v2/app/manifests/v1"));
  host.host = "a.direct.invalid";
  auto direct = RegistryClient::Create(reference, {host}, std::nullopt, options_, interrupt_);
  EXPECT_FALSE((*direct)->FetchManifest("v1"));
  FakeServer local(Serve);
  EXPECT_TRUE(Client({&local})->FetchManifest("v1"));
  EXPECT_THAT(proxy.requests(), SizeIs(1));
}

// With the token server and the target of a redirect.
TEST_F(RegistryClientTest, AHostMayHaveAProxyOfItsOwn) {
  const std::string blob = "the content of a blob";
  const Descriptor descriptor{"", *Sha256Of(blob), static_cast<int64_t>(blob.size()), std::nullopt, {}};
  FakeServer proxy([&](const FakeRequest& request) -> FakeResponse {
    if (request.target.starts_with("http://token.invalid/")) return {200, {}, R"({"token":"t"})"};
    if (request.target.starts_with("http://store.invalid/")) return {200, {}, blob};
    if (request.Header("authorization").empty())
      return {401, {R"(WWW-Authenticate: Bearer realm="http://token.invalid/token")"}, ""};
    return {307, {"Location: http://store.invalid/blob"}, ""};
  });
  FakeServer of_environment(Serve);
  Variable http_proxy("HTTP_PROXY", "http://" + of_environment.host());
  Variable no_proxy("NO_PROXY", "*");
  Reference reference = *ParseReference("registry.example/app:v1");
  RegistryHost host;
  host.scheme = "http";
  host.host = "registry.invalid";
  host.proxy = "http://" + proxy.host();
  auto proxied = RegistryClient::Create(reference, {host}, std::nullopt, options_, interrupt_);
  auto fetched = (*proxied)->FetchDocument(descriptor);
  ASSERT_TRUE(fetched) << fetched.error().ToString();
  EXPECT_EQ(*fetched, blob);
  EXPECT_THAT(proxy.requests(), SizeIs(4));
  unsetenv("NO_PROXY");
  host.proxy = "";
  // A closed port of this machine, by an address that is none of loopback, which never uses the variables.
  host.host = "0.0.0.0:1";
  auto direct = RegistryClient::Create(reference, {host}, std::nullopt, options_, interrupt_);
  EXPECT_FALSE((*direct)->FetchManifest("v1"));
  EXPECT_TRUE(of_environment.requests().empty());
}

}  // namespace
}  // namespace davit::images
