// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/ipam.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace davit::cni {
namespace {

std::string Next(AddressPool& pool) {
  return pool.Allocate()->ToString();
}

TEST(AddressPoolTest, HandsOutAllButNetworkGatewayAndBroadcast) {
  AddressPool pool(*ParseSubnet("10.88.0.0/29"));
  EXPECT_EQ(pool.gateway().ToString(), "10.88.0.1");
  for (int host = 2; host <= 6; ++host) EXPECT_EQ(Next(pool), "10.88.0." + std::to_string(host));
  Result<IpAddress> none = pool.Allocate();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kResourceExhausted);
  EXPECT_EQ(none.error().subject, "10.88.0.0/29");
}

TEST(AddressPoolTest, ReusesAnAddressAsLateAsPossible) {
  AddressPool pool(*ParseSubnet("10.88.0.0/29"));
  IpAddress first = *pool.Allocate();
  pool.Release(first);
  for (int host = 3; host <= 6; ++host) EXPECT_EQ(Next(pool), "10.88.0." + std::to_string(host));
  EXPECT_EQ(Next(pool), first.ToString());
}

TEST(AddressPoolTest, ReservesOnceAndOnlyPodAddresses) {
  AddressPool pool(*ParseSubnet("10.88.0.0/24"));
  IpAddress address = *IpAddress::Parse("10.88.0.9");
  EXPECT_TRUE(pool.Reserve(address));
  EXPECT_EQ(pool.Reserve(address).error().code, Code::kAlreadyExists);
  for (const char* text : {"10.88.0.0", "10.88.0.1", "10.88.0.255", "10.89.0.9", "fd00::9"})
    EXPECT_EQ(pool.Reserve(*IpAddress::Parse(text)).error().code, Code::kInvalidArgument) << text;
}

TEST(AddressPoolTest, GoesOnBehindWhatWasReserved) {
  AddressPool pool(*ParseSubnet("10.88.0.0/24"));
  ASSERT_TRUE(pool.Reserve(*IpAddress::Parse("10.88.0.100")));
  ASSERT_TRUE(pool.Reserve(*IpAddress::Parse("10.88.0.9")));
  EXPECT_EQ(Next(pool), "10.88.0.101");
  ASSERT_TRUE(pool.Reserve(*IpAddress::Parse("10.88.0.254")));
  EXPECT_EQ(Next(pool), "10.88.0.2");
}

TEST(AddressPoolTest, ReleasesStrangersQuietly) {
  AddressPool pool(*ParseSubnet("10.88.0.0/30"));
  IpAddress only = *pool.Allocate();
  pool.Release(*IpAddress::Parse("10.99.0.2"));
  pool.Release(*IpAddress::Parse("10.88.0.1"));
  EXPECT_FALSE(pool.Allocate());
  pool.Release(only);
  EXPECT_EQ(*pool.Allocate(), only);
}

TEST(AddressPoolTest, HasNothingInASubnetWithoutRoom) {
  for (const char* text : {"10.88.0.0/31", "10.88.0.0/32", "fd00::/127", "fd00::/128"})
    EXPECT_EQ(AddressPool(*ParseSubnet(text)).Allocate().error().code, Code::kResourceExhausted) << text;
}

TEST(AddressPoolTest, UsesTheBeginningOfAHugeSubnet) {
  AddressPool pool(*ParseSubnet("fd00:88::/48"));
  EXPECT_EQ(Next(pool), "fd00:88::2");
  ASSERT_TRUE(pool.Reserve(*IpAddress::Parse("fd00:88::ffff:fffe")));
  EXPECT_EQ(Next(pool), "fd00:88::3");
  EXPECT_EQ(pool.Reserve(*IpAddress::Parse("fd00:88::1:0:0")).error().code, Code::kInvalidArgument);
}

TEST(AddressPoolTest, GivesThreadsDifferentAddresses) {
  AddressPool pool(*ParseSubnet("10.88.0.0/22"));
  std::vector<std::vector<IpAddress>> taken(4);
  std::vector<std::thread> threads;
  for (auto& mine : taken)
    threads.emplace_back([&pool, &mine] {
      for (int i = 0; i < 200; ++i) mine.push_back(*pool.Allocate());
    });
  for (auto& thread : threads) thread.join();
  std::set<IpAddress> all;
  for (const auto& mine : taken) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 800u);
}

TEST(AddressPoolTest, ResumesWhereItIsToldAndReusesTheOldestFirst) {
  Subnet subnet = *ParseSubnet("10.0.0.0/29");  // .2 to .6 are for pods
  AddressPool pool(subnet, *IpAddress::Parse("10.0.0.5"));
  ASSERT_TRUE(pool.Reserve(*IpAddress::Parse("10.0.0.6")));
  EXPECT_EQ(pool.Allocate()->ToString(), "10.0.0.5");
  EXPECT_EQ(pool.Allocate()->ToString(), "10.0.0.2") << "after the last one, the first";
}

TEST(AddressPoolTest, AnUnusableStartIsIgnored) {
  Subnet subnet = *ParseSubnet("10.0.0.0/29");
  for (const char* start : {"10.0.0.1", "10.0.0.7", "10.9.0.2", "fd00::2"})
    EXPECT_EQ(AddressPool(subnet, *IpAddress::Parse(start)).Allocate()->ToString(), "10.0.0.2") << start;
}

TEST(AddressPoolTest, PlacesBehindAnAddressWrapAround) {
  AddressPool pool(*ParseSubnet("10.0.0.0/29"));
  EXPECT_EQ(pool.Behind(*IpAddress::Parse("10.0.0.2"), 3).ToString(), "10.0.0.5");
  EXPECT_EQ(pool.Behind(*IpAddress::Parse("10.0.0.5"), 3).ToString(), "10.0.0.3");
}

}  // namespace
}  // namespace davit::cni
