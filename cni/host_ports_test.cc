// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/host_ports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <new>

#include "base/testing/work_growth.h"
#include "cni/host_port_index.h"
#include "cni/testing/failing_allocation.h"

namespace davit::cni {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

IpAddress Ip(const char* text) {
  return *IpAddress::Parse(text);
}

const std::vector<IpAddress> kDual = {Ip("10.88.0.7"), Ip("fd00::7")};

std::vector<HostPort> Expand(const PortMapping& mapping, const std::vector<IpAddress>& pod = kDual) {
  return *ExpandMappings({mapping}, pod);
}

TEST(ExpandMappingsTest, AnyAddressMeansEveryFamilyOfThePod) {
  PortMapping mapping{Protocol::kTcp, "", 8080, 80};
  EXPECT_THAT(Expand(mapping), ElementsAre(HostPort{Protocol::kTcp, Ip("0.0.0.0"), 8080, Ip("10.88.0.7"), 80},
                                           HostPort{Protocol::kTcp, Ip("::"), 8080, Ip("fd00::7"), 80}));
  EXPECT_EQ(Expand(mapping, {Ip("fd00::7")}).size(), 1u);
}

TEST(ExpandMappingsTest, AnAddressPicksItsFamily) {
  EXPECT_THAT(Expand({Protocol::kUdp, "192.0.2.1", 53, 53}),
              ElementsAre(HostPort{Protocol::kUdp, Ip("192.0.2.1"), 53, Ip("10.88.0.7"), 53}));
  EXPECT_THAT(Expand({Protocol::kUdp, "::", 53, 53}),
              ElementsAre(HostPort{Protocol::kUdp, Ip("::"), 53, Ip("fd00::7"), 53}));
}

TEST(ExpandMappingsTest, SkipsMappingsWithoutAHostPort) {
  EXPECT_THAT(Expand({Protocol::kTcp, "", 0, 80}), IsEmpty());
}

TEST(ExpandMappingsTest, CountsARepeatedMappingOnce) {
  PortMapping mapping{Protocol::kTcp, "", 8080, 80};
  EXPECT_EQ(ExpandMappings({mapping, mapping}, kDual)->size(), 2u);
}

TEST(ExpandMappingsTest, RefusesWhatCannotBe) {
  auto code = [](std::vector<PortMapping> mappings, const std::vector<IpAddress>& pod) {
    return ExpandMappings(mappings, pod).error().code;
  };
  EXPECT_EQ(code({{Protocol::kTcp, "", 8080, 0}}, kDual), Code::kInvalidArgument);
  EXPECT_EQ(code({{Protocol::kTcp, "localhost", 8080, 80}}, kDual), Code::kInvalidArgument);
  EXPECT_EQ(code({{Protocol::kTcp, "127.0.0.1", 8080, 80}, {Protocol::kTcp, "127.0.0.1", 8080, 81}}, kDual),
            Code::kInvalidArgument);
}

TEST(ExpandMappingsTest, KeepsTheOrderOfTheMappings) {
  EXPECT_THAT(
      *ExpandMappings({{Protocol::kUdp, "192.0.2.2", 81, 80}, {Protocol::kTcp, "192.0.2.1", 80, 80}}, kDual),
      ElementsAre(HostPort{Protocol::kUdp, Ip("192.0.2.2"), 81, Ip("10.88.0.7"), 80},
                  HostPort{Protocol::kTcp, Ip("192.0.2.1"), 80, Ip("10.88.0.7"), 80}));
}

// One port on `count` addresses: a search by port alone compares each with each.
std::vector<PortMapping> OnManyAddresses(size_t count) {
  std::vector<PortMapping> mappings;
  for (size_t i = 0; i < count; ++i) {
    std::string address =
        "10." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255);
    mappings.push_back({Protocol::kTcp, std::move(address), 80, 80});
  }
  return mappings;
}

TEST(HostPortsTest, TheWorkDoesNotGrowWithTheSquareOfTheMappings) {
  double growth = GrowthOfWork(1'000, 16'000, [](size_t count) {
    std::vector<HostPort> ports = *ExpandMappings(OnManyAddresses(count), kDual);
    HostPortClaims claims;
    ASSERT_TRUE(claims.Claim("first", ports));
    ASSERT_TRUE(claims.Claim("first", ports));
    EXPECT_EQ(claims.NotOfOthers("first", ports).size(), count);
    claims.Release("first", ports);
  });
  EXPECT_LT(growth, 64);
}

TEST(ExpandMappingsTest, AMappingOfAFamilyThatThePodLacksIsSkippedAndNamed) {
  const std::vector<IpAddress> ipv4 = {Ip("10.88.0.7")};
  PortMapping possible{Protocol::kTcp, "", 8081, 80};
  PortMapping impossible{Protocol::kTcp, "::1", 8080, 80};
  EXPECT_THAT(ExpandMappings({impossible, possible}, ipv4).value(),
              ElementsAre(HostPort{Protocol::kTcp, Ip("0.0.0.0"), 8081, Ip("10.88.0.7"), 80}));
  EXPECT_THAT(WithoutAddress({impossible, possible, {Protocol::kTcp, "::1", 0, 80}}, ipv4),
              ElementsAre(impossible));
  EXPECT_THAT(WithoutAddress({impossible}, kDual), IsEmpty());
}

TEST(ExpandMappingsTest, InAPodOneAddressMayOverlapAll) {
  Result<std::vector<HostPort>> ports = ExpandMappings(
      {{Protocol::kTcp, "", 9090, 80}, {Protocol::kTcp, "127.0.0.1", 9090, 81}}, {Ip("10.88.0.7")});
  ASSERT_TRUE(ports) << ports.error().ToString();
  EXPECT_EQ(ports->size(), 2u);
}

TEST(HostPortIndexTest, OverlapsWhereAPacketCouldBeMeantForBoth) {
  HostPort any = Expand({Protocol::kTcp, "0.0.0.0", 80, 80}).front();
  HostPort one = Expand({Protocol::kTcp, "192.0.2.1", 80, 80}).front();
  HostPort two = Expand({Protocol::kTcp, "192.0.2.2", 80, 80}).front();
  auto overlap = [](const HostPort& held, const HostPort& port) {
    std::map<HostPortKey, int> index = {{held.key(), 0}};
    auto [first, last] = Overlapping(index, port);
    return first != last;
  };
  EXPECT_TRUE(overlap(any, any));
  EXPECT_TRUE(overlap(any, one));
  EXPECT_TRUE(overlap(one, any));
  EXPECT_TRUE(overlap(one, one));
  EXPECT_FALSE(overlap(one, two));
  for (const PortMapping& other : {PortMapping{Protocol::kTcp, "::", 80, 80},
                                   {Protocol::kUdp, "0.0.0.0", 80, 80},
                                   {Protocol::kTcp, "0.0.0.0", 81, 80},
                                   {Protocol::kTcp, "0.0.0.0", 79, 80}}) {
    EXPECT_FALSE(overlap(any, Expand(other).front())) << other.host_port;
    EXPECT_FALSE(overlap(Expand(other).front(), any)) << other.host_port;
  }
}

TEST(HostPortClaimsTest, NamesTheHolderOfATakenPort) {
  HostPortClaims claims;
  ASSERT_TRUE(claims.Claim("first", Expand({Protocol::kTcp, "127.0.0.1", 8080, 80})));
  Result<> second = claims.Claim("second", Expand({Protocol::kTcp, "", 8080, 80}));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kAlreadyExists);
  EXPECT_THAT(second.error().ToString(), HasSubstr("sandbox first holds tcp 127.0.0.1:8080"));
}

TEST(HostPortClaimsTest, ClaimsAllOrNothing) {
  HostPortClaims claims;
  ASSERT_TRUE(claims.Claim("first", Expand({Protocol::kTcp, "", 8080, 80})));
  std::vector<HostPort> both =
      *ExpandMappings({{Protocol::kTcp, "", 8081, 81}, {Protocol::kTcp, "", 8080, 80}}, kDual);
  ASSERT_FALSE(claims.Claim("second", both));
  EXPECT_TRUE(claims.Claim("third", Expand({Protocol::kTcp, "", 8081, 81})));
}

TEST(HostPortClaimsTest, ClaimsNothingIfAnAllocationFails) {
  const std::string first = "an id that has no room in a string's own bytes";
  std::vector<HostPort> ports =
      *ExpandMappings({{Protocol::kTcp, "", 8080, 80}, {Protocol::kTcp, "", 8081, 81}}, kDual);
  int failures = 0;
  for (bool failed = true; failed; failures += failed ? 1 : 0) {
    HostPortClaims claims;
    {
      FailingAllocation allocation(failures);
      try {
        (void)claims.Claim(first, ports);
      } catch (const std::bad_alloc&) {  // as it must
      }
      failed = allocation.failed();
    }
    EXPECT_EQ(claims.Claim("second", ports).has_value(), failed) << failures;
  }
  EXPECT_GT(failures, 4);
}

TEST(HostPortClaimsTest, LetsASandboxClaimItsOwnAgain) {
  HostPortClaims claims;
  std::vector<HostPort> ports = Expand({Protocol::kTcp, "", 8080, 80});
  ASSERT_TRUE(claims.Claim("first", ports));
  EXPECT_TRUE(claims.Claim("first", ports));
  claims.Release("first", ports);
  EXPECT_TRUE(claims.Claim("second", ports));
}

TEST(HostPortClaimsTest, ALateReleaseLeavesTheNextHolderAlone) {
  HostPortClaims claims;
  std::vector<HostPort> ports = Expand({Protocol::kTcp, "", 8080, 80});
  EXPECT_EQ(claims.NotOfOthers("first", ports).size(), 2u);
  ASSERT_TRUE(claims.Claim("second", ports));
  EXPECT_THAT(claims.NotOfOthers("first", ports), IsEmpty());
  claims.Release("first", ports);
  EXPECT_FALSE(claims.Claim("third", ports));
}

}  // namespace
}  // namespace davit::cni
