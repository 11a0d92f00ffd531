// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// davit-bridge as a process: the capability bandwidth.
#include <gmock/gmock.h>

#include "cni/davit_bridge/testing/plugin_world.h"
#include "cni/names.h"
#include "cni/testing/transfer.h"
#include "cni/traffic_limit.h"

namespace davit::cni {
namespace {

using ::testing::HasSubstr;

constexpr size_t kBytes = 512 << 10;

class ProgramBandwidth : public DavitBridgeTest {
 protected:
  Json Limited(const Json& bandwidth) const {
    Json network = Network();
    network["runtimeConfig"]["bandwidth"] = bandwidth;
    return network;
  }
  double SecondsIn(const Container& container, const std::string& address) const {
    return SecondsToSend(*host_, Serve(container.ns, Protocol::kTcp, Ip(address)), address, kBytes);
  }
  double SecondsOut(const Container& container) const {
    return SecondsToSend(container.ns, Serve(*host_, Protocol::kTcp, Ip("10.97.0.1")), "10.97.0.1", kBytes);
  }
};

TEST_F(ProgramBandwidth, LimitsBothDirectionsAndGoesWithDel) {
  Json network = Limited({{"ingressRate", 8000000},
                          {"ingressBurst", 320000},
                          {"egressRate", 8000000},
                          {"egressBurst", 4294967295}});
  Container container = NewContainer(), free = NewContainer();
  Json result = Add(container, network);
  Json unlimited = Add(free, Network());
  EXPECT_GT(SecondsIn(container, AddressIn(result)), 0.35);
  EXPECT_TRUE(IsEverFasterThan(3, [&] { return SecondsIn(container, AddressIn(result)); }));
  EXPECT_GT(SecondsOut(container), 0.35) << "a burst without an end is none";
  EXPECT_TRUE(IsEverFasterThan(3, [&] { return SecondsOut(container); }));
  EXPECT_TRUE(IsEverFasterThan(0.3, [&] { return SecondsIn(free, AddressIn(unlimited)); }));
  network["prevResult"] = result;
  EXPECT_EQ(Run("CHECK", container, network).status, 0);
  std::string host_end = HostInterfaceName("cni7", container.id);
  host_->Shell("tc qdisc del dev " + host_end + " ingress");
  EXPECT_THAT(Run("CHECK", container, network).message(), HasSubstr("limited"));
  Delete(container, network);
  Delete(free, Network());
  EXPECT_EQ(Left(network), "");
}

TEST_F(ProgramBandwidth, GarbageIncludesWhatLimits) {
  Json network = Limited({{"egressRate", 8000000}});
  Container container = NewContainer();
  Add(container, network);
  network["cni.dev/valid-attachments"] = Json::array();
  EXPECT_EQ(Run("GC", container, network).status, 0);
  EXPECT_EQ(Left(network), "");
}

TEST_F(ProgramBandwidth, NamesBadRates) {
  for (const char* bandwidth :
       {R"({"ingressRate": -1})", R"({"egressBurst": 100})", R"({"egressRate": "fast"})"}) {
    Ran ran = Run("ADD", NewContainer(), Limited(Json::parse(bandwidth)));
    EXPECT_EQ(ran.code(), 7) << ran.output;
    EXPECT_THAT(ran.message(), HasSubstr("gress"));
  }
}

}  // namespace
}  // namespace davit::cni
