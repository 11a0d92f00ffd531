// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Where a push gets its blobs from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "images/testing/push_fixture.h"

namespace davit::images {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_F(Push, ALayerThatTheNodeKeepsIsNotFetched) {
  blobs_ = *BlobStore::Create(scratch_ / "blobs");
  auto writer =
      blobs_->Begin({"", big_, static_cast<int64_t>(image_.layers[1].blob.size()), std::nullopt, {}});
  ASSERT_TRUE(writer && (*writer)->Write(image_.layers[1].blob) && (*writer)->Commit());
  FakeRegistry target;
  auto pushed = PushTo(target.host() + "/copy:v2");
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  ExpectPushed(target, "copy", "v2");
  for (const FakeRequest& request : source_.requests()) EXPECT_THAT(request.target, Not(HasSubstr(big_)));
}

TEST_F(Push, ASourceThatIsCutGoesOn) {
  std::atomic<int> gets = 0;
  FakeServer cutting([&](const FakeRequest& request) {
    FakeResponse response =
        ServeRange({200, {}, image_.blobs[request.target.substr(request.target.rfind('/') + 1)]}, request);
    if (gets++ % 2 == 0) response.cut_after = static_cast<int64_t>(response.body.size()) / 2;
    return response;
  });
  FakeRegistry target;
  auto pushed = PushTo(target.host() + "/copy:v2", Record(cutting.host() + "/app"));
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  ExpectPushed(target, "copy", "v2");
  EXPECT_EQ(std::ranges::count(target.Steps(), "POST upload"), 3) << "the target does not notice";
}

TEST_F(Push, TheCredentialsOfTheTargetAreUsedForASourceOnTheSameRegistryAlone) {
  auto wants_login = [](FakeRegistry&, const FakeRequest& request) -> std::optional<FakeResponse> {
    if (!request.Header("authorization").empty()) return std::nullopt;
    return FakeResponse{401, {"WWW-Authenticate: Basic realm=x"}, ""};
  };
  RegistryAuth auth;
  auth.username = "user";
  auth.password = kSecret;
  FakeRegistry same(wants_login);
  FakeRegistry other(wants_login);
  for (const auto& [digest, blob] : image_.blobs)
    same.blobs["app@" + digest] = other.blobs["app@" + digest] = blob;
  auto pushed = PushTo(same.host() + "/copy:v2", Record(same.host() + "/app"), auth);
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  ExpectPushed(same, "copy", "v2");
  auto refused = PushTo(same.host() + "/third:v2", Record(other.host() + "/app"), auth);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnauthenticated);
  for (const FakeRequest& request : other.requests()) EXPECT_EQ(request.Header("authorization"), "");
}

TEST_F(Push, ALayerThatNobodyHasAnyMoreIsNamed) {
  source_.blobs.erase("app@" + big_);
  FakeRegistry target;
  auto pushed = PushTo(target.host() + "/copy:v2");
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, Code::kNotFound);
  EXPECT_THAT(pushed.error().ToString(),
              AllOf(HasSubstr(big_), HasSubstr("fetch " + source_.host() + "/app@")));
  EXPECT_THAT(target.manifests, IsEmpty());
}

TEST_F(Push, ASourceWithWrongContentIsFoundBeforeTheBlobIsPublished) {
  source_.blobs["app@" + big_][100] ^= 1;
  FakeRegistry target;
  auto pushed = PushTo(target.host() + "/copy:v2");
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, Code::kDataLoss);
  EXPECT_FALSE(target.blobs.contains("copy@" + big_));
}

}  // namespace
}  // namespace davit::images
