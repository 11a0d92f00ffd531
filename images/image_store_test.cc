// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The store against a registry that does what each test says. registry_test.cc has a real one.
#include "images/image_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <condition_variable>
#include <fstream>

#include "base/base64.h"
#include "base/file_io.h"
#include "base/time.h"
#include "images/digest.h"
#include "images/testing/fake_server.h"
#include "images/testing/fake_stores.h"
#include "images/testing/scratch_dir.h"
#include "images/testing/tar_builder.h"
#include "images/testing/test_image.h"

namespace davit::images {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kSecret[] = "s3cr3t-p4ssw0rd";

// Serves one image under every name and tag.
FakeResponse Serve(const TestImage& image, const FakeRequest& request) {
  std::string path = request.target.substr(0, request.target.find('?'));
  std::string object = path.substr(path.rfind('/') + 1);
  bool manifest = path.find("/manifests/") != std::string::npos;
  if (manifest && object.find(':') == std::string::npos) object = image.manifest_digest;
  auto blob = image.blobs.find(object);
  if (blob == image.blobs.end()) {
    return {404, {}, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown"}]})", -1, false};
  }
  FakeResponse response;
  if (manifest) response.headers = {"Content-Type: application/vnd.oci.image.manifest.v1+json"};
  response.body = blob->second;
  return response;
}

class Store : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: unpacking makes namespaces";
    signal(SIGPIPE, SIG_IGN);
    config_.unpack_program = DAVIT_UNPACK_PROGRAM;
    config_.certs_d = scratch_ / "certs.d";
    Reopen();
  }
  void Reopen() {
    auto store = ImageStore::Open(config_, layers_, records_);
    ASSERT_TRUE(store) << store.error().ToString();
    store_ = std::move(*store);
  }

  Result<ImageRecord> Pull(const std::string& reference, std::optional<RegistryAuth> auth = std::nullopt) {
    return store_->Pull({reference, std::move(auth), 0, nullptr});
  }
  void Mirrors(const std::string& host, const std::vector<std::string>& urls) {
    std::string dir = config_.certs_d + "/" + host;
    std::filesystem::create_directories(dir);
    std::ofstream file(dir + "/hosts.toml");
    file << "server = \"" << urls.back() << "\"\n";
    for (size_t i = 0; i + 1 < urls.size(); ++i) file << "[host.\"" << urls[i] << "\"]\n";
  }
  void ExpectNothingLeft() {
    EXPECT_THAT(layers_.Staged(), IsEmpty());
    EXPECT_THAT(layers_.Layers(), IsEmpty());
    EXPECT_THAT(records_.records, IsEmpty());
    EXPECT_THAT(store_->LiveLayers(), IsEmpty());
    EXPECT_THAT(store_->List(), IsEmpty());
  }
  std::string Content(const ImageRecord& image, size_t layer, const std::string& file) {
    return ReadFile(layers_.Path(image.chain_ids[layer]) + "/" + file).value_or("missing");
  }

  ScratchDir scratch_;
  DirLayerStore layers_{scratch_.path()};
  MemoryRecords records_;
  ImageStore::Config config_;
  std::unique_ptr<ImageStore> store_;
  TestImage image_ = TestImage::Make({GzipLayer(TarBuilder().Dir("a", 0700).File("a/one", "1").Finish()),
                                      GzipLayer(TarBuilder().File("a/two", "2").Finish()),
                                      GzipLayer(TarBuilder().HardLink("three", "a/one").Finish())});
};

TEST_F(Store, PullsAnImageLayerByLayer) {
  FakeServer server([this](const FakeRequest& request) { return Serve(image_, request); });
  auto pulled = Pull(server.host() + "/app:v1");
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_EQ(pulled->id, image_.config_digest);
  EXPECT_THAT(pulled->repo_tags, ElementsAre(server.host() + "/app:v1"));
  EXPECT_THAT(pulled->repo_digests, ElementsAre(server.host() + "/app@" + image_.manifest_digest));
  EXPECT_EQ(pulled->config_json, image_.config);
  EXPECT_EQ(pulled->manifest_json, image_.manifest);
  uint64_t size = image_.config.size();
  for (const TestLayer& layer : image_.layers) size += layer.blob.size();
  EXPECT_EQ(pulled->size, size);
  EXPECT_THAT(layers_.commits, ElementsAre(pulled->chain_ids[0], pulled->chain_ids[1], pulled->chain_ids[2]));
  EXPECT_EQ(Content(*pulled, 0, "a/one"), "1");
  EXPECT_EQ(Content(*pulled, 1, "a/two"), "2");
  EXPECT_EQ(Content(*pulled, 2, "three"), "1");
  EXPECT_EQ(std::filesystem::status(layers_.Path(pulled->chain_ids[1]) + "/a").permissions(),
            std::filesystem::perms::owner_all);
  EXPECT_EQ(layers_.syncs, 1);
  EXPECT_THAT(layers_.Staged(), IsEmpty());
}

TEST_F(Store, ASecondPullAsksForTheManifestOnly) {
  FakeServer server([this](const FakeRequest& request) { return Serve(image_, request); });
  ASSERT_TRUE(Pull(server.host() + "/app:v1"));
  size_t before = server.requests().size();
  auto again = Pull(server.host() + "/app:v2");
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_THAT(again->repo_tags, ElementsAre(server.host() + "/app:v1", server.host() + "/app:v2"));
  EXPECT_EQ(server.requests().size() - before, 2u) << "manifest and config";
  EXPECT_EQ(layers_.stagings, 3);
  EXPECT_EQ(layers_.syncs, 1);
}

TEST_F(Store, ReadsItsRecordsAgainAndForgetsImagesThatMissALayer) {
  FakeServer server([this](const FakeRequest& request) { return Serve(image_, request); });
  auto pulled = Pull(server.host() + "/app:v1");
  ASSERT_TRUE(pulled);
  Reopen();
  EXPECT_EQ(*store_->Find("" + server.host() + "/app:v1"), *pulled);
  ASSERT_TRUE(layers_.Remove(pulled->chain_ids[1]));
  Reopen();
  EXPECT_THAT(store_->List(), IsEmpty());
  EXPECT_THAT(records_.records, IsEmpty());
  ASSERT_TRUE(Pull(server.host() + "/app:v1"));
  EXPECT_TRUE(layers_.Has(pulled->chain_ids[1]));
}

TEST_F(Store, RemovalTakesTheLayersThatNobodyElseNeeds) {
  TestImage other = TestImage::Make({image_.layers[0], GzipLayer(TarBuilder().File("other", "").Finish())});
  FakeServer server([&](const FakeRequest& request) {
    return Serve(request.target.find("/other/") != std::string::npos ? other : image_, request);
  });
  auto image = Pull(server.host() + "/app");
  auto second = Pull(server.host() + "/other");
  ASSERT_TRUE(image && second);
  EXPECT_EQ(layers_.stagings, 4) << "the common layer is fetched once";
  auto held = store_->FindAndHold(server.host() + "/app");
  ASSERT_TRUE(held);
  ASSERT_TRUE(store_->Remove(server.host() + "/app"));
  EXPECT_FALSE(store_->Find(image->id));
  EXPECT_THAT(layers_.Layers(), SizeIs(4));
  held->layers.Release();
  EXPECT_THAT(layers_.Layers(), SizeIs(2));
  EXPECT_TRUE(layers_.Has(second->chain_ids[0]));
  ASSERT_TRUE(store_->Remove(second->id));
  ExpectNothingLeft();
  EXPECT_TRUE(store_->Remove("never-heard-of"));
}

TEST_F(Store, IdenticalPullsAtTheSameTimeAreOne) {
  std::mutex mutex;
  std::condition_variable changed;
  int callers = 0;
  FakeServer server([&](const FakeRequest& request) {
    if (request.target.find("/blobs/" + image_.config_digest) != std::string::npos) {
      std::unique_lock lock(mutex);  // until both are aboard
      changed.wait(lock, [&] { return callers == 2; });
    }
    return Serve(image_, request);
  });
  auto caller = [&] {
    bool counted = false;
    // Asked from the moment that the caller is aboard.
    auto cancelled = [&, counted]() mutable {
      std::lock_guard lock(mutex);
      if (!counted) {
        counted = true;
        ++callers;
        changed.notify_all();
      }
      return false;
    };
    EXPECT_TRUE(store_->Pull({server.host() + "/app:v1", std::nullopt, 0, cancelled}));
  };
  std::thread one(caller);
  std::thread two(caller);
  one.join();
  two.join();
  EXPECT_EQ(layers_.stagings, 3);
  EXPECT_THAT(server.requests(), SizeIs(5));
}

TEST_F(Store, DifferentImagesShareALayerInFlight) {
  TestImage other = TestImage::Make({image_.layers[0], GzipLayer(TarBuilder().File("other", "").Finish())});
  FakeServer server([&](const FakeRequest& request) {
    return Serve(request.target.find("/other/") != std::string::npos ? other : image_, request);
  });
  for (int round = 0; round < 5; ++round) {
    std::thread one([&] { EXPECT_TRUE(Pull(server.host() + "/app")); });
    std::thread two([&] { EXPECT_TRUE(Pull(server.host() + "/other")); });
    one.join();
    two.join();
    EXPECT_EQ(layers_.stagings, 4 * (round + 1));
    for (const ImageRecord& image : store_->List()) ASSERT_TRUE(store_->Remove(image.id));
    EXPECT_THAT(layers_.Layers(), IsEmpty());
  }
}

TEST_F(Store, ChoosesThePlatformFromAnIndex) {
  TestImage foreign = TestImage::Make({}, "sparc64");
  std::string index =
      R"({"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" +
      foreign.manifest_digest + R"(","size":1,"platform":{"os":"linux","architecture":"sparc64"}},)" +
      R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" + image_.manifest_digest +
      R"(","size":1,"platform":{"os":"linux","architecture":"amd64"}}]})";
  config_.arch = "amd64";
  image_ = TestImage::Make(image_.layers, "amd64");
  index.replace(index.rfind("sha256:"), 71, image_.manifest_digest);
  Reopen();
  FakeServer server([&](const FakeRequest& request) {
    if (!request.target.ends_with("/manifests/latest")) return Serve(image_, request);
    return FakeResponse{200, {"Content-Type: application/vnd.oci.image.index.v1+json"}, index, -1, false};
  });
  auto pulled = Pull(server.host() + "/app");
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_EQ(pulled->id, image_.config_digest);
  EXPECT_THAT(pulled->repo_digests, ElementsAre(server.host() + "/app@" + *Sha256Of(index)));
  config_.arch = "s390x";
  Reopen();
  auto none = Pull(server.host() + "/app");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kNotFound);
  EXPECT_THAT(none.error().ToString(), HasSubstr("linux/s390x"));
}

TEST_F(Store, AnErrorNamesHostObjectAndReasonAndLeavesNothing) {
  FakeServer server([this](const FakeRequest& request) {
    FakeResponse response = Serve(image_, request);
    return request.target.find("/none/") != std::string::npos ? Serve({}, request) : response;
  });
  auto missing = Pull(server.host() + "/none:v7");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_THAT(missing.error().ToString(), HasSubstr(server.host() + "/none:v7"));
  EXPECT_THAT(missing.error().ToString(), HasSubstr("404 MANIFEST_UNKNOWN"));
  EXPECT_EQ(missing.error().reason, Reason::kNone) << "it answered";

  std::string dead;
  {
    FakeServer gone([](const FakeRequest&) { return FakeResponse(); });
    dead = gone.host();
  }
  auto down = Pull(dead + "/app");
  ASSERT_FALSE(down);
  EXPECT_EQ(down.error().code, Code::kUnavailable);
  EXPECT_EQ(down.error().reason, Reason::kRegistryUnavailable);
  EXPECT_THAT(down.error().ToString(), HasSubstr(dead));
  ExpectNothingLeft();
}

// The same for each way in which a blob can go wrong.
TEST_F(Store, ABadLayerIsNeverSeen) {
  const std::string good = image_.layers[1].blob;
  const std::string digest = *Sha256Of(good);
  std::string flipped = good;
  flipped[good.size() / 2] = static_cast<char>(flipped[good.size() / 2] ^ 1);
  struct Case {
    const char* name;
    FakeResponse response;
    Code code;
  };
  FakeResponse cut{200, {}, good.substr(0, good.size() / 2), static_cast<int64_t>(good.size()), false};
  FakeResponse stalled = cut;
  stalled.stall = true;
  const Case kCases[] = {
      {"flipped bit", {200, {}, flipped, -1, false}, Code::kDataLoss},
      {"truncated", cut, Code::kDataLoss},
      {"shorter", {200, {}, good.substr(0, good.size() / 2), -1, false}, Code::kDataLoss},
      {"longer", {200, {}, good + "x", -1, false}, Code::kDataLoss},
      {"another blob", {200, {}, image_.layers[0].blob, -1, false}, Code::kDataLoss},
      {"empty", {200, {}, "", -1, false}, Code::kDataLoss},
      {"server error", {500, {}, "", -1, false}, Code::kUnavailable},
      {"stalled", stalled, Code::kUnavailable},
  };
  config_.low_speed_seconds = 1;
  Reopen();
  for (const Case& bad : kCases) {
    FakeServer server([&](const FakeRequest& request) {
      return request.target.ends_with(digest) ? bad.response : Serve(image_, request);
    });
    auto pulled = Pull(server.host() + "/app:v1");
    ASSERT_FALSE(pulled) << bad.name;
    EXPECT_EQ(pulled.error().code, bad.code) << bad.name << ": " << pulled.error().ToString();
    EXPECT_EQ(pulled.error().reason == Reason::kRegistryUnavailable, bad.code == Code::kUnavailable);
    EXPECT_THAT(pulled.error().ToString(), HasSubstr(server.host())) << bad.name;
    EXPECT_THAT(pulled.error().ToString(), HasSubstr(digest)) << bad.name;
    ExpectNothingLeft();
  }
}

TEST_F(Store, AWrongDiffIdAndAHostileLayerAreRefused) {
  TestLayer lying = GzipLayer(TarBuilder().File("f", "").Finish());
  lying.tar = "something else";
  TestImage lie = TestImage::Make({lying});
  TestImage hostile = TestImage::Make({GzipLayer(TarBuilder().File("../../evil", "").Finish())});
  FakeServer server([&](const FakeRequest& request) {
    return Serve(request.target.find("/lie/") != std::string::npos ? lie : hostile, request);
  });
  EXPECT_EQ(Pull(server.host() + "/lie").error().code, Code::kDataLoss);
  auto refused = Pull(server.host() + "/hostile");
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("../../evil"));
  ExpectNothingLeft();
}

TEST_F(Store, ADocumentWithManifestsAndLayersIsRefused) {
  std::string both = image_.manifest;
  both.insert(1, R"("manifests":[],)");
  FakeServer server([&](const FakeRequest& request) {
    FakeResponse response = Serve(image_, request);
    if (request.target.find("/manifests/") != std::string::npos) response.body = both;
    return response;
  });
  EXPECT_EQ(Pull(server.host() + "/app").error().code, Code::kInvalidArgument);
}

TEST_F(Store, HugeDocumentsAreCutOff) {
  FakeServer server(
      [&](const FakeRequest&) { return FakeResponse{200, {}, std::string(9 << 20, ' '), -1, false}; });
  EXPECT_EQ(Pull(server.host() + "/app").error().code, Code::kResourceExhausted);
}

TEST_F(Store, AFullDiskIsNamedAndLeavesNothing) {
  FakeServer server([this](const FakeRequest& request) { return Serve(image_, request); });
  layers_.fail_stage_with = ENOSPC;
  EXPECT_EQ(Pull(server.host() + "/app").error().code, Code::kResourceExhausted);
  layers_.fail_stage_with = 0;
  layers_.fail_sync_with = ENOSPC;
  EXPECT_EQ(Pull(server.host() + "/app").error().code, Code::kResourceExhausted);
  ExpectNothingLeft();
  layers_.fail_sync_with = 0;
  records_.fail_put = true;
  EXPECT_EQ(Pull(server.host() + "/app").error().code, Code::kResourceExhausted);
  ExpectNothingLeft();
  records_.fail_put = false;
  EXPECT_TRUE(Pull(server.host() + "/app"));
}

TEST_F(Store, ADeadlineAndACancellationEndAPull) {
  FakeServer server([](const FakeRequest&) {
    FakeResponse response;
    response.content_length = 100;
    response.stall = true;
    return response;
  });
  auto late = store_->Pull({server.host() + "/app", std::nullopt, MonotonicMilliseconds() + 50, nullptr});
  EXPECT_EQ(late.error().code, Code::kDeadlineExceeded);
  auto unwanted =
      store_->Pull({server.host() + "/app", std::nullopt, 0, [&] { return !server.requests().empty(); }});
  EXPECT_EQ(unwanted.error().code, Code::kCancelled);
  ExpectNothingLeft();
}

TEST_F(Store, TheNextMirrorIsAskedWhenOneFails) {
  FakeServer broken([this](const FakeRequest& request) {
    FakeResponse response = Serve(image_, request);
    if (request.target.find("/blobs/") != std::string::npos && !response.body.empty()) response.body[0] ^= 1;
    return response;
  });
  FakeServer good([this](const FakeRequest& request) { return Serve(image_, request); });
  Mirrors("registry.example", {"http://127.0.0.1:1", "http://" + broken.host(), "http://" + good.host()});
  auto pulled = Pull("registry.example/app:v1");
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_THAT(pulled->repo_tags, ElementsAre("registry.example/app:v1"));
  EXPECT_EQ(Content(*pulled, 1, "a/two"), "2");
  EXPECT_THAT(broken.requests(), SizeIs(5));
  EXPECT_THAT(broken.requests()[0].target, HasSubstr("?ns=registry.example"));
}

TEST_F(Store, TheErrorTellsWhyEveryMirrorFailed) {
  FakeServer none([](const FakeRequest& request) { return Serve({}, request); });
  Mirrors("registry.example", {"http://127.0.0.1:1", "http://" + none.host()});
  auto pulled = Pull("registry.example/app:v1");
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code, Code::kNotFound);
  EXPECT_THAT(pulled.error().ToString(), HasSubstr("127.0.0.1:1"));
  EXPECT_THAT(pulled.error().ToString(), HasSubstr(none.host()));
}

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
