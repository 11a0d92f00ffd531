// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// davit-bridge as a process: what GC removes, and what it keeps because it is of others.
#include <gmock/gmock.h>

#include <filesystem>

#include "cni/davit_bridge/testing/plugin_world.h"

namespace davit::cni {
namespace {

class ProgramGarbage : public DavitBridgeTest {
 protected:
  // Without addresses, on a bridge that the test makes.
  Json OnForeignBridge(const std::string& name) const {
    Json network = Network();
    network["name"] = name;
    network["isDefaultGateway"] = network["ipMasq"] = false;
    network.erase("ipam");
    return network;
  }

  // Runs GC, which must succeed, with these valid attachments.
  void Collect(Json network, const std::vector<const Container*>& valid = {}) const {
    network["cni.dev/valid-attachments"] = Json::array();
    for (const Container* container : valid)
      network["cni.dev/valid-attachments"].push_back({{"containerID", container->id}, {"ifname", "eth0"}});
    Ran ran = Run("GC", NewContainer(), network, {"CNI_CONTAINERID=", "CNI_NETNS=", "CNI_IFNAME="});
    EXPECT_EQ(ran.status, 0) << ran.output;
  }
};

TEST_F(ProgramGarbage, NetworksOnOneForeignBridgeKeepEachOthersLinks) {
  host_->Shell("ip link add cni7 type bridge");
  Json mine = OnForeignBridge("mine"), theirs = OnForeignBridge("theirs");
  theirs["runtimeConfig"]["bandwidth"] = {{"egressRate", 8'000'000}, {"egressBurst", 800'000}};
  Container lost = NewContainer(), kept = NewContainer(), other = NewContainer();
  Add(lost, mine);
  Add(kept, mine);
  Add(other, theirs);
  Collect(mine, {&kept});
  EXPECT_EQ(Leases("mine").size(), 1u);
  EXPECT_EQ(PodLinks(), 2u);
  EXPECT_NE(host_->Shell("ip -o link show type ifb"), "");
  Delete(kept, mine);
  Delete(other, theirs);
  EXPECT_EQ(Left(theirs), "");
}

TEST_F(ProgramGarbage, ADaemonOfDavitKeepsItsLinks) {
  std::unique_ptr<Bridge> daemon = OpenBridge();
  Pod pod = StartPod(*daemon);
  Json network = Network();
  network["bridge"] = "davit0";
  Collect(network);
  Result<> checked = daemon->Check();
  EXPECT_TRUE(checked) << checked.error().ToString();
  EXPECT_EQ(PodLinks(), 1u);
  StopPod(*daemon, pod);
}

TEST_F(ProgramGarbage, OnItsOwnBridgeLinksGoAlsoWithoutALease) {
  Container lost = NewContainer(), kept = NewContainer();
  Add(lost, Network());
  Add(kept, Network());
  std::filesystem::remove_all(dir_ + "/state");
  Collect(Network(), {&kept});
  EXPECT_EQ(PodLinks(), 1u);
  Delete(kept, Network());
  EXPECT_EQ(Left(Network()), "");
}

}  // namespace
}  // namespace davit::cni
