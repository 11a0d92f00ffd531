// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pushes to registries on loopback that fail in every way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <thread>

#include "base/base64.h"
#include "base/time.h"
#include "images/digest.h"
#include "images/testing/push_fixture.h"

namespace davit::images {
namespace {

using State = LayerProgress::State;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST_F(Push, BringsAllBlobsAndThenTheManifestUnchanged) {
  config_.upload.piece_bytes = 1 << 20;
  FakeRegistry target;
  auto pushed = PushTo(target.host() + "/team/copy:v2");
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  EXPECT_EQ(pushed->digest, image_.manifest_digest);
  ExpectPushed(target, "team/copy", "v2");
  EXPECT_EQ(target.Steps().back(), "PUT manifests");
  EXPECT_THAT(target.Steps(), Not(Contains("PATCH upload"))) << "short blobs need no pieces";
  EXPECT_THAT(target.Steps(), SizeIs(3 * 3 + 1)) << "HEAD, POST, PUT each";
  EXPECT_THAT(Digests(), ElementsAre(*Sha256Of(image_.layers[0].blob), big_, image_.config_digest));
  EXPECT_EQ(Last(big_), State::kDone);
  EXPECT_EQ(Progress(big_).transferred, Progress(big_).size);
}

TEST_F(Push, ALongBlobGoesInPieces) {
  FakeRegistry target;
  auto pushed = PushTo(target.host() + "/copy:v2");
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  ExpectPushed(target, "copy", "v2");
  std::vector<std::string> ranges;
  for (const FakeRequest& request : target.requests()) {
    if (request.method == "PATCH") ranges.push_back(request.Header("content-range"));
  }
  std::string end = std::to_string(image_.layers[1].blob.size() - 1);
  EXPECT_THAT(ranges, ElementsAre("0-7999", "8000-15999", "16000-" + end));
}

TEST_F(Push, PiecesAreAsLongAsTheRegistryWants) {
  FakeRegistry target;
  target.shortest_piece = 15'000;
  auto pushed = PushTo(target.host() + "/copy:v2");
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  ExpectPushed(target, "copy", "v2");
  for (const FakeRequest& request : target.requests()) {
    if (request.method == "PATCH" && request.Header("content-range").starts_with("0-")) {
      EXPECT_EQ(request.body.size(), 15'000u);
    }
  }
}

// What a blob's upload keeps in memory is as long as its pieces.
TEST_F(Push, LongPiecesAreSentByOneUploadAtATime) {
  image_ = TestImage::Make({GzipLayer(TarBuilder().File("noise", Noise()).Finish()),
                            GzipLayer(TarBuilder().File("more", Noise()).Finish()),
                            GzipLayer(TarBuilder().File("most", Noise()).Finish())});
  for (const auto& [digest, blob] : image_.blobs) source_.blobs["app@" + digest] = blob;
  FakeRegistry target;
  target.shortest_piece = 1 << 20;
  config_.upload.most_piece_bytes = 10'000;
  ASSERT_TRUE(PushTo(target.host() + "/copy:v2"));
  ExpectPushed(target, "copy", "v2");
  std::vector<std::string> uploads;  // in the order of their pieces, without repetitions
  for (const FakeRequest& request : target.requests()) {
    if (request.method != "PATCH") continue;
    EXPECT_LE(request.body.size(), 10'000u);
    std::string upload = request.target.substr(0, request.target.find('?'));
    if (uploads.empty() || uploads.back() != upload) uploads.push_back(upload);
  }
  EXPECT_THAT(uploads, SizeIs(3));
}

TEST_F(Push, WhatTheRepositoryHasIsNotSentAgain) {
  FakeRegistry target;
  ASSERT_TRUE(PushTo(target.host() + "/copy:v2"));
  size_t before = target.requests().size();
  size_t fetched = source_.requests().size();
  auto again = PushTo(target.host() + "/copy:v3");
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_EQ(target.requests().size() - before, 4u) << "a HEAD for each blob, and the manifest";
  EXPECT_EQ(source_.requests().size(), fetched);
  EXPECT_EQ(Last(big_), State::kExists);
  ExpectPushed(target, "copy", "v3");
}

TEST_F(Push, BlobsAreMountedFromAnotherRepositoryOfTheSameRegistry) {
  source_.mounts = true;
  auto pushed = PushTo(source_.host() + "/copy:v2");
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  ExpectPushed(source_, "copy", "v2");
  for (const std::string& digest : Digests()) EXPECT_EQ(Last(digest), State::kMounted);
  EXPECT_THAT(source_.Steps(), Not(Contains("GET blobs")));
}

TEST_F(Push, ARegistryThatDoesNotMountGetsTheBlobInTheUploadThatItOffers) {
  config_.upload.piece_bytes = 1 << 20;
  auto pushed = PushTo(source_.host() + "/copy:v2");
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  ExpectPushed(source_, "copy", "v2");
  std::vector<std::string> steps = source_.Steps();
  EXPECT_EQ(std::ranges::count(steps, "POST upload"), 3) << "one for each blob";
}

TEST_F(Push, AMountThatIsNotAllowedIsNoFailure) {
  FakeRegistry target([](FakeRegistry&, const FakeRequest& request) -> std::optional<FakeResponse> {
    if (request.target.find("mount=") == std::string::npos) return std::nullopt;
    return FakeResponse{403, {}, ""};
  });
  for (const auto& [digest, blob] : image_.blobs) target.blobs["app@" + digest] = blob;
  auto pushed = PushTo(target.host() + "/copy:v2", Record(target.host() + "/app"));
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  ExpectPushed(target, "copy", "v2");
}

TEST_F(Push, ACutPieceGoesOnAtTheByteThatTheRegistryHas) {
  int cuts = 0;
  FakeRegistry target([&](FakeRegistry& self, const FakeRequest& request) -> std::optional<FakeResponse> {
    if (request.method != "PATCH" || ++cuts > 5 || cuts % 2 == 0) return std::nullopt;
    self.StorePart(request, 3000);
    return Cut();
  });
  auto pushed = PushTo(target.host() + "/copy:v2");
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  ExpectPushed(target, "copy", "v2");
  std::vector<std::string> steps = target.Steps();
  EXPECT_EQ(std::ranges::count(steps, "POST upload"), 3) << "no upload begins again";
  EXPECT_EQ(std::ranges::count(steps, "GET upload"), 3) << "asked after each cut";
  EXPECT_EQ(std::ranges::count(source_.Steps(), "GET blobs"), 2) << "each layer is fetched once";
}

TEST_F(Push, ACutAtTheEndIsTakenForWhatItIs) {
  config_.upload.piece_bytes = 1 << 20;
  int ends = 0;
  FakeRegistry target([&](FakeRegistry& self, const FakeRequest& request) -> std::optional<FakeResponse> {
    if (request.method != "PUT" || request.target.find("/uploads/") == std::string::npos) return std::nullopt;
    // The first is cut after the registry has stored the blob, the second in the middle of it.
    if (++ends == 1) {
      size_t digest = request.target.find("digest=sha256%3A");
      self.blobs["copy@sha256:" + request.target.substr(digest + 16)] = request.body;
      return Cut();
    }
    if (ends == 2) {
      self.StorePart(request, request.body.size() / 2);
      return Cut();
    }
    return std::nullopt;
  });
  config_.parallel_blobs = 1;
  auto pushed = PushTo(target.host() + "/copy:v2");
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  ExpectPushed(target, "copy", "v2");
  std::vector<std::string> steps = target.Steps();
  EXPECT_EQ(std::ranges::count(steps, "POST upload"), 3);
  EXPECT_EQ(std::ranges::count(steps, "PATCH upload"), 1) << "the second half of the second";
}

TEST_F(Push, AnUploadThatTheRegistryHasLostBeginsAgain) {
  int patches = 0;
  FakeRegistry target([&](FakeRegistry& self, const FakeRequest& request) -> std::optional<FakeResponse> {
    if (request.method == "PATCH" && ++patches == 2) self.DropUploads();
    return std::nullopt;
  });
  auto pushed = PushTo(target.host() + "/copy:v2");
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  ExpectPushed(target, "copy", "v2");
}

TEST_F(Push, AnUploadIsNotBegunAgainForEver) {
  FakeRegistry target([](FakeRegistry&, const FakeRequest& request) -> std::optional<FakeResponse> {
    if (request.method == "PATCH") return FakeResponse{404, {}, ""};
    return std::nullopt;
  });
  auto pushed = PushTo(target.host() + "/copy:v2");
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, Code::kUnavailable);
  EXPECT_THAT(pushed.error().ToString(),
              AllOf(HasSubstr(target.host() + " has lost the upload"), HasSubstr(big_)));
  EXPECT_LE(std::ranges::count(target.Steps(), "PATCH upload"), 3);
}

TEST_F(Push, APieceOfWhichNothingArrivesIsNotSentForEver) {
  for (const char* range : {"0-0", "0-9223372036854775807"}) {
    std::atomic<int> patches = 0;
    FakeRegistry target([&](FakeRegistry&, const FakeRequest& request) -> std::optional<FakeResponse> {
      if (request.method != "PATCH" || ++patches > 20) return std::nullopt;
      return FakeResponse{202, {"Location: " + request.target, std::string("Range: ") + range}, ""};
    });
    auto pushed = PushTo(target.host() + "/copy:v2");
    ASSERT_FALSE(pushed) << range;
    EXPECT_EQ(pushed.error().code, Code::kUnavailable) << range;
    EXPECT_LE(patches, 3) << range;
  }
}

TEST_F(Push, ARequestThatIsTooLongIsSentInParts) {
  FakeRegistry target([](FakeRegistry&, const FakeRequest& request) -> std::optional<FakeResponse> {
    if (request.method != "GET" && request.body.size() > 3000) return FakeResponse{413, {}, ""};
    return std::nullopt;
  });
  config_.upload.piece_bytes = 1 << 20;
  auto pushed = PushTo(target.host() + "/copy:v2");
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  ExpectPushed(target, "copy", "v2");
  FakeRegistry tiny([](FakeRegistry&, const FakeRequest& request) -> std::optional<FakeResponse> {
    if (request.body.size() > 500) return FakeResponse{413, {}, ""};
    return std::nullopt;
  });
  auto refused = PushTo(tiny.host() + "/copy:v2");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kResourceExhausted);
  EXPECT_THAT(refused.error().ToString(), AllOf(HasSubstr("413"), HasSubstr("raise the limit")));
}

TEST_F(Push, ABusyRegistryIsAskedAgainWhenItSays) {
  for (const char* method : {"HEAD", "POST", "PATCH", "PUT"}) {
    std::atomic<bool> busy = true;
    FakeRegistry target([&](FakeRegistry&, const FakeRequest& request) -> std::optional<FakeResponse> {
      if (request.method == method && busy.exchange(false)) return FakeResponse{429, {"Retry-After: 1"}, ""};
      return std::nullopt;
    });
    int64_t before = MonotonicMilliseconds();
    auto pushed = PushTo(target.host() + "/copy:v2");
    ASSERT_TRUE(pushed) << method << ": " << pushed.error().ToString();
    EXPECT_GE(MonotonicMilliseconds() - before, 1000) << method;
    ExpectPushed(target, "copy", "v2");
  }
}

TEST_F(Push, ARegistryMayTakeItsTimeToStoreABlob) {
  config_.transfer.transfer.low_speed_seconds = 1;
  config_.parallel_blobs = 1;  // the registry answers one request at a time
  config_.transfer.retry.attempts = config_.transfer.retry.stalls =
      20;  // of other requests, on a busy machine
  config_.upload.piece_bytes = 1 << 20;
  std::atomic<int> stored = 0;
  FakeRegistry target([&](FakeRegistry&, const FakeRequest& request) -> std::optional<FakeResponse> {
    if (request.method != "PUT" || request.body.size() < 10'000) return std::nullopt;
    ++stored;
    std::this_thread::sleep_for(std::chrono::milliseconds(3500));
    return std::nullopt;
  });
  auto pushed = PushTo(target.host() + "/copy:v2");
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  EXPECT_EQ(stored, 1) << "it is not asked again meanwhile";
}

TEST_F(Push, ARegistryThatHangsIsGivenUp) {
  config_.transfer.transfer.low_speed_seconds = 1;
  FakeRegistry target([](FakeRegistry&, const FakeRequest& request) -> std::optional<FakeResponse> {
    if (request.method != "POST") return std::nullopt;
    FakeResponse response{202, {}, "", 100};
    response.stall = true;
    return response;
  });
  auto pushed = PushTo(target.host() + "/copy:v2");
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, Code::kUnavailable);
  EXPECT_THAT(pushed.error().ToString(), HasSubstr("stalled or too slow"));
}

// A token server and a registry that takes each of its tokens for three requests.
TEST_F(Push, ATokenIsRenewedInTheMiddleOfABlob) {
  std::atomic<int> tokens = 0;
  FakeServer token_server([&](const FakeRequest&) {
    return FakeResponse{200, {}, R"({"token":"t)" + std::to_string(++tokens) + R"("})"};
  });
  std::map<std::string, int> uses;
  FakeRegistry target([&](FakeRegistry&, const FakeRequest& request) -> std::optional<FakeResponse> {
    std::string authorization = request.Header("authorization");
    if (authorization.starts_with("Bearer t") && ++uses[authorization] <= 3) return std::nullopt;
    return FakeResponse{401,
                        {"WWW-Authenticate: Bearer realm=\"http://" + token_server.host() +
                         "/token\",service=\"s\",scope=\"repository:copy:pull\""},
                        ""};
  });
  config_.parallel_blobs = 1;
  RegistryAuth auth;
  auth.username = "user";
  auth.password = kSecret;
  auto pushed = PushTo(target.host() + "/copy:v2", auth);
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  ExpectPushed(target, "copy", "v2");
  EXPECT_GE(tokens, 4);
  for (const FakeRequest& request : token_server.requests()) {
    EXPECT_THAT(request.target, HasSubstr("scope=repository%3Acopy%3Apull%2Cpush"));
    EXPECT_THAT(request.target, Not(HasSubstr("pull&")));
    EXPECT_EQ(request.Header("authorization"), "Basic " + EncodeBase64("user:" + std::string(kSecret)));
  }
  EXPECT_EQ(std::ranges::count(source_.Steps(), "GET blobs"), 2);
  for (const FakeRequest& request : source_.requests()) EXPECT_EQ(request.Header("authorization"), "");
}

TEST_F(Push, AMountAsksForATokenOfBothRepositories) {
  FakeServer token_server([](const FakeRequest&) { return FakeResponse{200, {}, R"({"token":"t"})"}; });
  FakeRegistry target([&](FakeRegistry&, const FakeRequest& request) -> std::optional<FakeResponse> {
    if (request.Header("authorization") == "Bearer t") return std::nullopt;
    std::string realm = "realm=\"http://" + token_server.host() + "/token\"";
    return FakeResponse{401, {"WWW-Authenticate: Bearer " + realm + ",scope=\"repository:copy:pull\""}, ""};
  });
  target.mounts = true;
  for (const auto& [digest, blob] : image_.blobs) target.blobs["app@" + digest] = blob;
  auto pushed = PushTo(target.host() + "/copy:v2", Record(target.host() + "/app"));
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  ASSERT_THAT(token_server.requests(), SizeIs(1));
  EXPECT_THAT(token_server.requests()[0].target, AllOf(HasSubstr("scope=repository%3Acopy%3Apull%2Cpush&"),
                                                       HasSubstr("scope=repository%3Aapp%3Apull")));
}

// Some registries have their uploads on another host, which must not get the password.
TEST_F(Push, AnUploadOnAnotherHostGetsNoCredentials) {
  FakeRegistry store;
  RegistryAuth auth;
  auth.username = "user";
  auth.password = kSecret;
  FakeRegistry target([&](FakeRegistry& self, const FakeRequest& request) -> std::optional<FakeResponse> {
    if (request.Header("authorization").empty())
      return FakeResponse{401, {"WWW-Authenticate: Basic realm=x"}, ""};
    if (request.method != "POST") return std::nullopt;
    store.blobs.insert(self.blobs.begin(), self.blobs.end());
    return FakeResponse{307, {"Location: http://" + store.host() + request.target}, ""};
  });
  auto pushed = PushTo(target.host() + "/copy:v2", auth);
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  EXPECT_EQ(store.blobs["copy@" + big_], image_.layers[1].blob);
  ASSERT_THAT(store.requests(), Not(IsEmpty()));
  for (const FakeRequest& request : store.requests()) EXPECT_EQ(request.Header("authorization"), "");
}

TEST_F(Push, AnUploadOnAnotherHostThatAsksForAPasswordGetsNone) {
  FakeRegistry greedy([](FakeRegistry&, const FakeRequest&) -> std::optional<FakeResponse> {
    return FakeResponse{401, {"WWW-Authenticate: Basic realm=x"}, ""};
  });
  FakeRegistry target([&](FakeRegistry&, const FakeRequest& request) -> std::optional<FakeResponse> {
    if (request.method != "POST") return std::nullopt;
    return FakeResponse{202, {"Location: http://" + greedy.host() + "/upload"}, ""};
  });
  RegistryAuth auth;
  auth.username = "user";
  auth.password = kSecret;
  auto pushed = PushTo(target.host() + "/copy:v2", auth);
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, Code::kUnauthenticated);
  ASSERT_THAT(greedy.requests(), Not(IsEmpty()));
  for (const FakeRequest& request : greedy.requests()) EXPECT_EQ(request.Header("authorization"), "");
}

TEST_F(Push, ARedirectThatWouldTurnAnUploadIntoAGetIsRefused) {
  FakeRegistry target([](FakeRegistry&, const FakeRequest& request) -> std::optional<FakeResponse> {
    if (request.method == "POST") return FakeResponse{302, {"Location: /elsewhere"}, ""};
    return std::nullopt;
  });
  auto pushed = PushTo(target.host() + "/copy:v2");
  ASSERT_FALSE(pushed);
  EXPECT_THAT(pushed.error().ToString(), HasSubstr("redirects an upload with status 302"));
}

TEST_F(Push, ErrorsSayWhoRefusedWhatAndWhatToDo) {
  struct Case {
    int status;
    Code code;
    const char* advice;
  };
  for (const Case& wanted :
       {Case{401, Code::kUnauthenticated, "log in"},
        Case{403, Code::kPermissionDenied, "may not push to the repository"},
        Case{404, Code::kNotFound, "create the repository"}, Case{405, Code::kInternal, "read-only"}}) {
    FakeRegistry target([&](FakeRegistry&, const FakeRequest& request) -> std::optional<FakeResponse> {
      if (request.method == "POST")
        return FakeResponse{wanted.status, {}, R"({"errors":[{"code":"DENIED"}]})"};
      return std::nullopt;
    });
    auto pushed = PushTo(target.host() + "/team/copy:v2");
    ASSERT_FALSE(pushed) << wanted.status;
    EXPECT_EQ(pushed.error().code, wanted.code);
    std::string text = pushed.error().ToString();
    EXPECT_THAT(text, AllOf(HasSubstr("push " + target.host() + "/team/copy:v2"), HasSubstr("sha256:"),
                            HasSubstr(wanted.advice)));
    EXPECT_THAT(
        text, HasSubstr(wanted.status == 401 ? "log in to 127.0.0.1"
                                             : target.host() + " answered " + std::to_string(wanted.status)));
  }
}

TEST_F(Push, AManifestThatTheRegistryRefusesOrChangesIsAnError) {
  for (const FakeResponse& answer :
       {FakeResponse{400, {}, R"({"errors":[{"code":"MANIFEST_INVALID"}]})"},
        FakeResponse{201, {"Docker-Content-Digest: sha256:" + std::string(64, '0')}, ""}}) {
    FakeRegistry target([&](FakeRegistry&, const FakeRequest& request) -> std::optional<FakeResponse> {
      if (request.target.find("/manifests/") == std::string::npos) return std::nullopt;
      return answer;
    });
    auto pushed = PushTo(target.host() + "/copy:v2");
    ASSERT_FALSE(pushed);
    EXPECT_EQ(pushed.error().code, answer.status == 400 ? Code::kInternal : Code::kDataLoss);
    EXPECT_THAT(pushed.error().ToString(), AllOf(HasSubstr("manifest"), HasSubstr(target.host())));
  }
}

TEST_F(Push, AForeignLayerStaysWhereItIs) {
  TestLayer foreign = image_.layers[1];
  foreign.media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  foreign.urls = {"https://vendor.example/layer"};
  image_ = TestImage::Make({image_.layers[0], foreign});
  for (const auto& [digest, blob] : image_.blobs) source_.blobs["app@" + digest] = blob;
  FakeRegistry target;
  auto pushed = PushTo(target.host() + "/copy:v2");
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  EXPECT_EQ(Last(big_), State::kSkipped);
  EXPECT_FALSE(target.blobs.contains("copy@" + big_));
  EXPECT_EQ(target.manifests["copy:v2"], image_.manifest);
}

TEST_F(Push, CancellingEndsItInTheMiddle) {
  FakeRegistry target([&](FakeRegistry&, const FakeRequest& request) -> std::optional<FakeResponse> {
    if (request.method == "PATCH") wanted_ = false;
    return std::nullopt;
  });
  auto pushed = PushTo(target.host() + "/copy:v2");
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, Code::kCancelled);
  EXPECT_THAT(target.manifests, IsEmpty());
  EXPECT_EQ(std::ranges::count(target.Steps(), "PATCH upload"), 1);
}

TEST_F(Push, ADigestAsTargetMustBeTheManifests) {
  FakeRegistry target;
  auto pushed = PushTo(target.host() + "/copy@" + image_.manifest_digest);
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  EXPECT_EQ(target.manifests["copy@" + image_.manifest_digest], image_.manifest);
  auto other = PushTo(target.host() + "/copy@sha256:" + std::string(64, '0'));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::kInvalidArgument);
}

TEST_F(Push, OnlyAHostThatMayBePushedToIsUsed) {
  FakeRegistry mirror;
  FakeRegistry target;
  std::string dir = config_.transfer.certs_d + "/registry.example";
  std::filesystem::create_directories(dir);
  std::string mirrors = "[host.\"http://" + mirror.host() + "\"]\ncapabilities = [\"pull\", \"resolve\"]\n";
  std::ofstream(dir + "/hosts.toml") << "server = \"http://" + target.host() + "\"\n" + mirrors;
  auto pushed = PushTo("registry.example/copy:v2");
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  EXPECT_THAT(mirror.requests(), IsEmpty());
  for (const FakeRequest& request : target.requests()) {
    bool given = request.target.find("?state=x") != std::string::npos;  // by the registry
    EXPECT_TRUE(given || request.target.find("ns=registry.example") != std::string::npos) << request.target;
  }
  std::ofstream(dir + "/hosts.toml") << "server = \"http://" + target.host() +
                                            "\"\ncapabilities = [\"pull\"]\n" + mirrors;
  auto nowhere = PushTo("registry.example/copy:v3");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(nowhere.error().ToString(), HasSubstr("capability \"push\""));
}

}  // namespace
}  // namespace davit::images
