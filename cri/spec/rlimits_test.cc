// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/rlimits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <set>

namespace davit::cri {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::pair<uint64_t, uint64_t> Of(const std::vector<shim::Rlimit>& limits, uint32_t resource) {
  auto found = std::ranges::find(limits, resource, &shim::Rlimit::resource);
  return found == limits.end() ? std::pair<uint64_t, uint64_t>{7, 7} : std::pair{found->soft, found->hard};
}

TEST(DefaultRlimits, HaveThePeersNumberOfDescriptors) {
  EXPECT_EQ(Of(DefaultRlimits({}), RLIMIT_NOFILE), (std::pair<uint64_t, uint64_t>{1024, 524288}));
}

TEST(DefaultRlimits, LeaveNothingToBeInheritedButWhatTheKernelDerives) {
  std::set<uint32_t> set;
  for (const shim::Rlimit& limit : DefaultRlimits({})) {
    EXPECT_TRUE(set.insert(limit.resource).second) << limit.resource;
    EXPECT_LE(limit.soft, limit.hard) << limit.resource;
  }
  for (uint32_t resource = 0; resource < RLIM_NLIMITS; ++resource)
    EXPECT_EQ(set.contains(resource), resource != RLIMIT_SIGPENDING) << resource;
}

TEST(DefaultRlimits, GiveWayToTheConfiguration) {
  auto limits = DefaultRlimits({{RLIMIT_NOFILE, 5, 6}, {RLIMIT_SIGPENDING, 8, 9}});
  EXPECT_EQ(Of(limits, RLIMIT_NOFILE), (std::pair<uint64_t, uint64_t>{5, 6}));
  EXPECT_EQ(Of(limits, RLIMIT_SIGPENDING), (std::pair<uint64_t, uint64_t>{8, 9}));
  EXPECT_EQ(Of(limits, RLIMIT_STACK), (std::pair<uint64_t, uint64_t>{8 << 20, RLIM_INFINITY}));
}

TEST(LowerToReachable, LowersWhatIsAboveTheHardLimitAndNamesIt) {
  std::vector<shim::Rlimit> wanted = {
      {RLIMIT_NOFILE, 1024, 524288}, {RLIMIT_CORE, RLIM_INFINITY, RLIM_INFINITY}, {RLIMIT_NICE, 0, 0}};
  auto lowered =
      LowerToReachable({{RLIMIT_NOFILE, 10, 20000}, {RLIMIT_CORE, 0, 0}, {RLIMIT_NICE, 0, 5}}, wanted);
  EXPECT_THAT(lowered, ElementsAre(HasSubstr("to 20000"), HasSubstr("to 0")));
  EXPECT_EQ(Of(wanted, RLIMIT_NOFILE), (std::pair<uint64_t, uint64_t>{1024, 20000}));
  EXPECT_EQ(Of(wanted, RLIMIT_CORE), (std::pair<uint64_t, uint64_t>{0, 0}));
  EXPECT_EQ(Of(wanted, RLIMIT_NICE), (std::pair<uint64_t, uint64_t>{0, 0}));
}

TEST(LowerToReachable, LeavesWhatCanBeSet) {
  std::vector<shim::Rlimit> wanted = OwnRlimits();
  EXPECT_EQ(wanted.size(), size_t{RLIM_NLIMITS});
  EXPECT_THAT(LowerToReachable(OwnRlimits(), wanted), IsEmpty());
}

}  // namespace
}  // namespace davit::cri
