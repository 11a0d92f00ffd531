// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/once_per_name.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

#include "base/time.h"

namespace davit {
namespace {

int64_t Soon() {
  return MonotonicMilliseconds() + 10'000;
}

TEST(OncePerName, ARetryInFlightGetsTheFirstOnesId) {
  OncePerName names;
  auto first = names.Take("web", "config");
  auto retry = names.Take("web", "config");
  ASSERT_TRUE(first && retry);
  EXPECT_TRUE(first->owner());
  EXPECT_FALSE(retry->owner());
  std::thread owner([&] { first->Settle("id1"); });
  EXPECT_EQ(*retry->Join(Soon()), "id1");
  owner.join();
  EXPECT_EQ(*names.Take("web", "config")->Join(Soon()), "id1");
}

TEST(OncePerName, AnotherConfigurationLearnsWhoHoldsTheName) {
  OncePerName names;
  names.Take("web", "config")->Settle("id1");
  auto other = names.Take("web", "different");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::kAlreadyExists);
  EXPECT_NE(other.error().ToString().find("id1"), std::string::npos);
}

TEST(OncePerName, AFailureFreesTheNameAndReachesThoseWhoJoined) {
  OncePerName names;
  auto first = names.Take("web", "config");
  auto joined = names.Take("web", "config");
  first->Settle(Fail(Code::kInternal, "start", "shim"));
  EXPECT_FALSE(joined->Join(Soon()));
  EXPECT_TRUE(names.Take("web", "different")->owner());
}

TEST(OncePerName, ATurnThatIsDroppedSettlesItself) {
  OncePerName names;
  auto keep = names.Take("web", "config");
  std::optional<Result<OncePerName::Turn>> joined;
  {
    OncePerName::Turn first = std::move(*keep);
    joined.emplace(names.Take("web", "config"));
  }
  EXPECT_EQ((*joined)->Join(Soon()).error().code, Code::kInternal);
  EXPECT_TRUE(names.Take("web", "config")->owner());
}

TEST(OncePerName, AnExceptionInTheOwnerFreesTheName) {
  OncePerName names;
  try {
    auto first = names.Take("web", "config");
    throw std::runtime_error("thrown by a library");
  } catch (const std::runtime_error&) {
  }
  EXPECT_TRUE(names.Take("web", "config")->owner());
}

TEST(OncePerName, IsReleasedByItsHolderOnly) {
  OncePerName names;
  names.Take("web", "config")->Settle("id2");
  names.Release("web", "id1");
  EXPECT_FALSE(names.Take("web", "different"));
  names.Release("web", "id2");
  EXPECT_TRUE(names.Take("web", "config")->owner());
}

TEST(OncePerName, AReleaseDuringTheWorkLeavesTheClaimToItsOwner) {
  OncePerName names;
  auto first = names.Take("web", "config");
  names.Release("web", "id1");
  EXPECT_FALSE(names.Take("web", "config")->owner());
}

TEST(OncePerName, AnIdThatIsReleasedBeforeItIsSettledHoldsNothing) {
  OncePerName names;
  auto first = names.Take("web", "config");
  auto joined = names.Take("web", "config");
  names.Release("web", "id1");
  names.Release("web", "id0");  // of an earlier holder, late
  first->Settle("id1");
  EXPECT_EQ(*joined->Join(Soon()), "id1");
  EXPECT_TRUE(names.Take("web", "config")->owner());
}

TEST(OncePerName, ALateReleaseOfAnEarlierHolderFreesNothing) {
  OncePerName names;
  auto first = names.Take("web", "config");
  names.Release("web", "id0");
  first->Settle("id1");
  EXPECT_FALSE(names.Take("web", "different"));
}

TEST(OncePerName, AJoinEndsAtItsDeadline) {
  OncePerName names;
  auto first = names.Take("web", "config");
  EXPECT_EQ(names.Take("web", "config")->Join(MonotonicMilliseconds()).error().code, Code::kDeadlineExceeded);
}

TEST(OncePerName, ARestoredNameIsHeld) {
  OncePerName names;
  names.Restore("web", "config", "id1");
  names.Restore("web", "config", "id2");
  EXPECT_EQ(*names.Take("web", "config")->Join(Soon()), "id1");
}

}  // namespace
}  // namespace davit
