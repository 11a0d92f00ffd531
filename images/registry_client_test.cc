// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The registry client against servers on loopback that fail in every way.
#include "images/registry_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <mutex>

#include "base/base64.h"
#include "base/time.h"
#include "images/digest.h"
#include "images/testing/blob_recorder.h"
#include "images/testing/fake_server.h"
#include "images/testing/tar_builder.h"

namespace davit::images {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kSecret[] = "s3cr3t-p4ssw0rd";
constexpr char kManifest[] = R"({"schemaVersion":2})";

std::string MakeBlob() {
  std::string blob;
  for (int i = 0; blob.size() < 100'000; ++i) blob += std::to_string(i) + " ";
  return blob;
}
const std::string kBlob = MakeBlob();

FakeResponse Serve(const FakeRequest& request) {
  if (request.target.find("/manifests/") != std::string::npos) return {200, {}, kManifest};
  return ServeRange({200, {}, kBlob}, request);
}

FakeResponse Status(int status, std::vector<std::string> headers = {}) {
  return {status, std::move(headers), ""};
}

// The response without what follows the first `size` bytes of its body.
FakeResponse CutBody(FakeResponse response, size_t size) {
  response.content_length = static_cast<int64_t>(response.body.size());
  response.body.resize(std::min(size, response.body.size()));
  return response;
}

RetryLimits Quick() {
  RetryLimits limits;
  limits.attempts = 3;
  limits.progress_bytes = 1000;
  limits.first_pause_ms = limits.longest_pause_ms = 2;
  limits.longest_retry_after_ms = 2000;
  return limits;
}

class RegistryClientTest : public ::testing::Test {
 protected:
  static RegistryHost Host(const FakeServer& server) {
    RegistryHost host;
    host.scheme = "http";
    host.host = server.host();
    return host;
  }
  std::unique_ptr<RegistryClient> Client(const std::vector<const FakeServer*>& servers,
                                         const std::optional<RegistryAuth>& auth = std::nullopt) {
    std::vector<RegistryHost> hosts;
    for (const FakeServer* server : servers) hosts.push_back(Host(*server));
    Reference reference = *ParseReference("registry.example/app:v1");
    auto client = RegistryClient::Create(reference, hosts, auth, options_, interrupt_);
    EXPECT_TRUE(client) << client.error().ToString();
    return std::move(*client);
  }
  Result<> FetchBlob(const std::vector<const FakeServer*>& servers,
                     const std::optional<RegistryAuth>& auth = std::nullopt) {
    return Client(servers, auth)->FetchBlob(descriptor_, sink_);
  }

  RegistryClient::Options options_{{}, Quick(), ""};
  Interrupt interrupt_{[] { return true; }};
  Descriptor descriptor_{"", *Sha256Of(kBlob), static_cast<int64_t>(kBlob.size()), std::nullopt, {}};
  BlobRecorder sink_;
};

TEST_F(RegistryClientTest, ABlobGoesOnWhereItsConnectionWasCut) {
  for (bool reset : {false, true}) {
    for (size_t cut : {size_t(0), size_t(1), kBlob.size() / 2, kBlob.size() - 1}) {
      std::atomic<int> requests = 0;
      FakeServer server([&](const FakeRequest& request) {
        FakeResponse response = Serve(request);
        if (++requests == 1) response = CutBody(response, cut);
        response.reset = reset && requests == 1;
        return response;
      });
      BlobRecorder sink;
      auto fetched = Client({&server})->FetchBlob(descriptor_, sink);
      ASSERT_TRUE(fetched) << cut << ": " << fetched.error().ToString();
      EXPECT_EQ(sink.text, kBlob);
      EXPECT_EQ(sink.begins, 1);
      ASSERT_THAT(server.requests(), SizeIs(2));
      std::string range = cut == 0 ? "" : "bytes=" + std::to_string(cut) + "-";
      // A reset may discard what was on its way.
      if (!reset) {
        EXPECT_EQ(server.requests()[1].Header("range"), range);
      }
    }
  }
}

// What is wanted of the body has arrived; the rest might never end.
TEST_F(RegistryClientTest, ARefusalNeedNotEnd) {
  FakeServer server([](const FakeRequest&) {
    FakeResponse response{404, {}, std::string(200'000, 'x'), int64_t{1} << 40};
    response.stall = true;
    return response;
  });
  options_.transfer.low_speed_seconds = 2;
  auto fetched = FetchBlob({&server});
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, Code::kNotFound) << fetched.error().ToString();
  EXPECT_THAT(server.requests(), SizeIs(1));
}

TEST_F(RegistryClientTest, AManifestIsReadUpToItsLimit) {
  FakeServer server([](const FakeRequest&) {
    FakeResponse response{200, {}, std::string((4 << 20) + 100'000, ' '), 7 << 20};
    response.stall = true;
    return response;
  });
  options_.transfer.low_speed_seconds = 2;
  auto fetched = Client({&server})->FetchManifest("v1");
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, Code::kResourceExhausted) << fetched.error().ToString();
}

TEST_F(RegistryClientTest, ACutInTheHeadOfAnAnswerIsTriedAgain) {
  for (int64_t cut : {0, 1, 12, 30}) {
    std::atomic<int> requests = 0;
    FakeServer server([&](const FakeRequest& request) {
      FakeResponse response = Serve(request);
      if (++requests == 1) response.cut_after = cut;
      return response;
    });
    EXPECT_TRUE(Client({&server})->FetchManifest("v1")) << cut;
    EXPECT_EQ(requests, 2);
  }
}

TEST_F(RegistryClientTest, AServerWithoutRangesSendsTheBlobAgain) {
  std::atomic<int> requests = 0;
  FakeServer server([&](const FakeRequest&) {
    FakeResponse response{200, {}, kBlob};
    return ++requests == 1 ? CutBody(response, 5000) : response;
  });
  auto fetched = FetchBlob({&server});
  ASSERT_TRUE(fetched) << fetched.error().ToString();
  EXPECT_EQ(sink_.text, kBlob);
  EXPECT_EQ(sink_.begins, 1);
}

TEST_F(RegistryClientTest, TheNextHostGoesOnWhereTheFirstOneStopped) {
  FakeServer mirror([](const FakeRequest& request) { return CutBody(Serve(request), 300); });
  FakeServer upstream(Serve);
  auto fetched = FetchBlob({&mirror, &upstream});
  ASSERT_TRUE(fetched) << fetched.error().ToString();
  EXPECT_EQ(sink_.text, kBlob);
  EXPECT_EQ(sink_.begins, 1);
  EXPECT_THAT(mirror.requests(), SizeIs(3)) << "not enough progress to go on for ever";
  ASSERT_THAT(upstream.requests(), SizeIs(1));
  EXPECT_EQ(upstream.requests()[0].Header("range"), "bytes=900-");
}

TEST_F(RegistryClientTest, AStalledHostIsLeftForTheNextOne) {
  options_.transfer.low_speed_seconds = 1;
  FakeServer mirror([](const FakeRequest& request) {
    FakeResponse response = CutBody(Serve(request), 300);
    response.stall = true;
    return response;
  });
  FakeServer upstream(Serve);
  auto fetched = FetchBlob({&mirror, &upstream});
  ASSERT_TRUE(fetched) << fetched.error().ToString();
  EXPECT_EQ(sink_.text, kBlob);
  EXPECT_THAT(mirror.requests(), SizeIs(1));
  EXPECT_EQ(upstream.requests()[0].Header("range"), "bytes=300-");
}

TEST_F(RegistryClientTest, AMirrorThatIsDownIsTriedLastFromThenOn) {
  FakeServer mirror([](const FakeRequest&) {
    FakeResponse response;
    response.cut_after = 0;
    return response;
  });
  FakeServer upstream(Serve);
  auto client = Client({&mirror, &upstream});
  ASSERT_TRUE(client->FetchManifest("v1"));
  ASSERT_TRUE(client->FetchBlob(descriptor_, sink_));
  EXPECT_THAT(mirror.requests(), SizeIs(1));
  EXPECT_THAT(upstream.requests(), SizeIs(2));
}

TEST_F(RegistryClientTest, AMixtureOfHostsWithAWrongDigestIsFetchedFromOneHost) {
  FakeServer liar([](const FakeRequest& request) {
    return CutBody(ServeRange({200, {}, std::string(kBlob.size(), 'x')}, request), 300);
  });
  FakeServer upstream(Serve);
  auto fetched = FetchBlob({&liar, &upstream});
  ASSERT_TRUE(fetched) << fetched.error().ToString();
  EXPECT_EQ(sink_.text, kBlob);
  EXPECT_EQ(sink_.begins, 2);
}

TEST_F(RegistryClientTest, ABusyServerIsAskedAgain) {
  for (int status : {429, 500, 503}) {
    std::atomic<int> requests = 0;
    FakeServer server(
        [&](const FakeRequest& request) { return ++requests < 3 ? Status(status) : Serve(request); });
    auto fetched = Client({&server})->FetchManifest("v1");
    ASSERT_TRUE(fetched) << status << ": " << fetched.error().ToString();
    EXPECT_EQ(requests, 3);
  }
}

TEST_F(RegistryClientTest, ABusyServerIsNotAskedForEver) {
  FakeServer server([](const FakeRequest&) { return Status(503); });
  auto fetched = Client({&server})->FetchManifest("v1");
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, Code::kUnavailable);
  EXPECT_EQ(fetched.error().reason, Reason::kRegistryUnavailable);
  EXPECT_THAT(server.requests(), SizeIs(3));
}

TEST_F(RegistryClientTest, RetryAfterIsObeyedWithinBounds) {
  std::atomic<int> requests = 0;
  FakeServer soon([&](const FakeRequest& request) {
    return ++requests == 1 ? Status(429, {"Retry-After: 1"}) : Serve(request);
  });
  int64_t before = MonotonicMilliseconds();
  EXPECT_TRUE(Client({&soon})->FetchManifest("v1"));
  EXPECT_GE(MonotonicMilliseconds() - before, 1000);

  FakeServer late([](const FakeRequest&) { return Status(429, {"Retry-After: 3600"}); });
  auto fetched = Client({&late})->FetchManifest("v1");
  ASSERT_FALSE(fetched);
  EXPECT_THAT(late.requests(), SizeIs(1));
  EXPECT_THAT(fetched.error().ToString(), AllOf(HasSubstr("429"), HasSubstr("3600 s")));
}

TEST_F(RegistryClientTest, APauseEndsWithThePull) {
  FakeServer busy([](const FakeRequest&) { return Status(429, {"Retry-After: 60"}); });
  options_.retry.longest_retry_after_ms = 60'000;
  Reference reference = *ParseReference("registry.example/app:v1");
  Interrupt interrupt([&] { return busy.requests().empty(); });
  auto client = RegistryClient::Create(reference, {Host(busy)}, std::nullopt, options_, interrupt);
  EXPECT_EQ((*client)->FetchManifest("v1").error().code, Code::kCancelled);
}

TEST_F(RegistryClientTest, AnAnswerThatWillNotChangeIsNotRepeated) {
  for (int status : {400, 403, 404, 501}) {
    FakeServer server([&](const FakeRequest&) { return Status(status); });
    EXPECT_FALSE(Client({&server})->FetchManifest("v1"));
    EXPECT_THAT(server.requests(), SizeIs(1)) << status;
  }
}

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

// A registry whose token server is `realm`.
FakeServer::Handler AsksForTokensOf(const std::string& realm) {
  return [realm](const FakeRequest& request) {
    if (request.Header("authorization") == "Bearer tok") return Serve(request);
    return Status(401, {"WWW-Authenticate: Bearer realm=\"" + realm + "\""});
  };
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
  foreign.server_address = "registry.example";
  auto refused = Client({&upstream}, foreign)->FetchManifest("v1");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnauthenticated);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("is not for it"));
  ASSERT_TRUE(Client({&mirror}, UserAndPassword())->FetchManifest("v1")) << "without an address, for all";
}

TEST_F(RegistryClientTest, CredentialsForAnotherServerMayStillGetAnAnonymousToken) {
  FakeServer tokens([](const FakeRequest&) { return FakeResponse{200, {}, R"({"token":"tok"})"}; });
  FakeServer registry(AsksForTokensOf("http://" + tokens.host() + "/t"));
  RegistryAuth auth = UserAndPassword();
  auth.server_address = "registry.example";
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

}  // namespace
}  // namespace davit::images
