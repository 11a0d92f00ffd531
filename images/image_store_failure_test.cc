// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pulls that fail: bad layers and documents, a full disk, a deadline, and mirrors that are down.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <new>
#include <string>

#include "base/time.h"
#include "images/digest.h"
#include "images/testing/store_fixture.h"

namespace davit::images {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

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

// The kubelet shows the text of the error to people who do not see the node.
TEST_F(Store, AnErrorSaysWhatPeopleCanDo) {
  struct Case {
    FakeResponse response;
    const char* anonymous;
    const char* logged_in;
  };
  FakeResponse login{401, {"WWW-Authenticate: Basic realm=x"}, ""};
  const Case kCases[] = {
      {login, "it needs credentials for ", "check the credentials"},
      {{403, {}, ""}, "it needs credentials for ", "check the credentials"},
      {{404, {}, ""}, "check the name and the tag", "check the name and the tag"},
      {{429, {"Retry-After: 7200"}, ""}, "use credentials, or a mirror", "use credentials, or a mirror"},
  };
  RegistryAuth auth;
  auth.username = "user";
  auth.password = "s3cr3t-p4ssw0rd";
  for (const Case& refused : kCases) {
    FakeServer server([&](const FakeRequest&) { return refused.response; });
    for (bool logged_in : {false, true}) {
      auto pulled = Pull(server.host() + "/app", logged_in ? std::optional(auth) : std::nullopt);
      ASSERT_FALSE(pulled);
      std::string text = pulled.error().ToString();
      EXPECT_THAT(text, HasSubstr(logged_in ? refused.logged_in : refused.anonymous));
      EXPECT_THAT(text, Not(HasSubstr(auth.password)));
    }
  }
  std::string dead = FakeServer([](const FakeRequest&) { return FakeResponse(); }).host();
  EXPECT_THAT(Pull(dead + "/app").error().ToString(), HasSubstr("check this node's network"));
}

TEST_F(Store, AServerWithoutTlsIsConfiguredAsSuch) {
  FakeServer server([this](const FakeRequest& request) { return Serve(image_, request); });
  Mirrors("registry.example", {"https://" + server.host()});
  EXPECT_THAT(Pull("registry.example/app").error().ToString(),
              HasSubstr("write server = \"http://" + server.host() + "\" into " + config_.certs_d +
                        "/registry.example/hosts.toml"));
  std::string dead = FakeServer([](const FakeRequest&) { return FakeResponse(); }).host();
  Mirrors("registry.example", {"https://" + server.host(), "http://" + dead});
  EXPECT_THAT(Pull("registry.example/app").error().ToString(),
              HasSubstr("[host.\"http://" + server.host() + "\"] in "));
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

TEST_F(Store, MoreLayersThanCanBeMountedAreRefusedBeforeAnyIsFetched) {
  image_ = TestImage::Make(std::vector<TestLayer>(501, image_.layers[0]));
  FakeServer server([this](const FakeRequest& request) { return Serve(image_, request); });
  auto refused = Pull(server.host() + "/app");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
  EXPECT_THAT(server.requests(), SizeIs(2)) << "manifest and config";
}

TEST_F(Store, AFailureThatStopsTheCommitOfAnotherLayerIsNamed) {
  layers_.commit_is_long = true;
  FakeServer server([this](const FakeRequest& request) {
    FakeResponse response = Serve(image_, request);
    return response.body == image_.layers[1].blob ? Serve({}, request) : response;
  });
  EXPECT_EQ(Pull(server.host() + "/app").error().code, Code::kNotFound);
  ExpectNothingLeft();
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

TEST_F(Store, ACancellationEndsTheCommitOfALayer) {
  FakeServer server([this](const FakeRequest& request) { return Serve(image_, request); });
  std::atomic<bool> committing = false;
  layers_.on_commit = [&] { committing = true; };
  auto unwanted = store_->Pull({server.host() + "/app", std::nullopt, 0, [&] { return committing.load(); }});
  ASSERT_FALSE(unwanted);
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

TEST_F(Store, AnExceptionEndsThePullAndTheNextOneIsANewOne) {
  FakeServer server([&](const FakeRequest& request) { return Serve(image_, request); });
  std::string reference = server.host() + "/app";
  layers_.on_sync = [] { throw std::bad_alloc(); };
  EXPECT_EQ(Pull(reference).error().code, Code::kInternal);
  ExpectNothingLeft();
  layers_.on_sync = nullptr;

  auto out_of_memory = [](const auto&) { throw std::bad_alloc(); };
  EXPECT_EQ(store_->Pull({reference, std::nullopt, 0, nullptr, out_of_memory}).error().code, Code::kInternal);

  int64_t deadline_ms = MonotonicMilliseconds() + 30'000;  // for a pull that waits for one that has ended
  EXPECT_TRUE(store_->Pull({reference, std::nullopt, deadline_ms, nullptr}));
}

}  // namespace
}  // namespace davit::images
