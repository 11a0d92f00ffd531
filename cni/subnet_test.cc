// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/subnet.h"

#include <gtest/gtest.h>

namespace davit::cni {
namespace {

TEST(IpAddressTest, ReadsAndWritesBothFamilies) {
  EXPECT_EQ(IpAddress::Parse("10.88.0.7")->ToString(), "10.88.0.7");
  EXPECT_EQ(IpAddress::Parse("fd00:0:0::7")->ToString(), "fd00::7");
  EXPECT_EQ(IpAddress::Parse("10.88.0.7")->family, AF_INET);
  EXPECT_EQ(IpAddress::Parse("::")->family, AF_INET6);
  EXPECT_TRUE(IpAddress::Parse("0.0.0.0")->IsUnspecified());
}

TEST(IpAddressTest, RefusesWhatIsNoAddress) {
  using namespace std::string_view_literals;
  for (std::string_view text :
       {""sv, "10.88.0"sv, "10.88.0.256"sv, "fe80::1%eth0"sv, "[::1]"sv, "10.0.0.1\0x"sv}) {
    Result<IpAddress> address = IpAddress::Parse(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code, Code::kInvalidArgument);
  }
}

TEST(SubnetTest, KnowsItsAddresses) {
  Subnet subnet = *ParseSubnet("10.88.4.0/22");
  EXPECT_TRUE(subnet.Contains(*IpAddress::Parse("10.88.7.255")));
  EXPECT_FALSE(subnet.Contains(*IpAddress::Parse("10.88.8.0")));
  EXPECT_FALSE(subnet.Contains(*IpAddress::Parse("::")));
  EXPECT_EQ(subnet.AddressAt(513).ToString(), "10.88.6.1");
  EXPECT_EQ(subnet.OffsetOf(*IpAddress::Parse("10.88.6.1")), 513u);
  EXPECT_EQ(subnet.ToString(), "10.88.4.0/22");
}

TEST(SubnetTest, NumbersIpv6HostsUpTo64Bits) {
  Subnet subnet = *ParseSubnet("fd00:88::/48");
  EXPECT_EQ(subnet.AddressAt(0x1'0000'0002).ToString(), "fd00:88::1:0:2");
  EXPECT_EQ(subnet.OffsetOf(*IpAddress::Parse("fd00:88::1:0:2")), 0x1'0000'0002u);
  EXPECT_EQ(subnet.OffsetOf(*IpAddress::Parse("fd00:88:0:1::1")), UINT64_MAX);
}

TEST(SubnetTest, SeesOverlapsInBothDirections) {
  Subnet wide = *ParseSubnet("10.0.0.0/8");
  Subnet narrow = *ParseSubnet("10.88.0.0/16");
  EXPECT_TRUE(wide.Overlaps(narrow));
  EXPECT_TRUE(narrow.Overlaps(wide));
  EXPECT_FALSE(narrow.Overlaps(*ParseSubnet("10.89.0.0/16")));
  EXPECT_FALSE(ParseSubnet("0.0.0.0/0")->Overlaps(*ParseSubnet("::/0")));
}

TEST(SubnetTest, RefusesHostBitsAndBadLengths) {
  for (const char* text : {"10.88.0.1/16", "10.88.0.0", "10.88.0.0/", "10.88.0.0/33", "10.88.0.0/-1",
                           "10.88.0.0/16x", "fd00::/129", "/16"}) {
    Result<Subnet> subnet = ParseSubnet(text);
    ASSERT_FALSE(subnet) << text;
    EXPECT_EQ(subnet.error().code, Code::kInvalidArgument);
  }
  EXPECT_TRUE(ParseSubnet("10.88.0.1/32"));
}

}  // namespace
}  // namespace davit::cni
