// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace davit::cni {
namespace {

using ::testing::EndsWith;
using ::testing::StartsWith;

const std::string kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

TEST(NamesTest, HostInterfaceNamesFillTheKernelsLimitAndShowTheSandbox) {
  std::string name = HostInterfaceName("davit0", kId);
  EXPECT_EQ(name.size(), 15u);
  EXPECT_THAT(name, StartsWith(HostInterfacePrefix("davit0")));
  EXPECT_THAT(name, EndsWith("0123456"));
}

TEST(NamesTest, HostInterfaceNamesStayTheSameAcrossVersions) {
  EXPECT_EQ(HostInterfaceName("davit0", kId), "veth44860123456");
  EXPECT_EQ(FormerHostInterfaceName("davit0", kId), "dv4486012345678");
}

TEST(NamesTest, InstancesHaveDifferentPrefixes) {
  EXPECT_NE(HostInterfacePrefix("davit0"), HostInterfacePrefix("davit1"));
  EXPECT_NE(RemovalGroup("davit0"), RemovalGroup("davit1"));
  EXPECT_NE(BridgeMac("davit0"), BridgeMac("davit1"));
}

TEST(NamesTest, IdsOfOthersAreHashed) {
  std::string name = HostInterfaceName("davit0", "../../etc");
  EXPECT_EQ(name.size(), 15u);
  EXPECT_EQ(name.find('/'), std::string::npos);
  EXPECT_NE(name, HostInterfaceName("davit0", "../../etd"));
}

TEST(NamesTest, MacFollowsTheAddressAndIsLocalUnicast) {
  EXPECT_EQ(FormatMac(PodMac(*IpAddress::Parse("10.88.0.7"))), "02:d4:0a:58:00:07");
  EXPECT_EQ(FormatMac(PodMac(*IpAddress::Parse("fd00::a:b"))), "02:d6:00:0a:00:0b");
  EXPECT_EQ(BridgeMac("davit0")[0] & 3, 2);
}

}  // namespace
}  // namespace davit::cni
