// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// davit-bridge as a process that is killed, and as many processes at once.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <set>
#include <thread>

#include "base/spawn.h"
#include "cni/davit_bridge/testing/plugin_world.h"

namespace davit::cni {
namespace {

using ::testing::HasSubstr;

class ProgramCrash : public DavitBridgeTest {
 protected:
  Json WithPorts(int host_port) const {
    Json network = Network();
    network["runtimeConfig"]["portMappings"] =
        Json::array({{{"hostPort", host_port}, {"containerPort", 80}, {"protocol", "tcp"}},
                     {{"hostPort", host_port}, {"containerPort", 80}, {"protocol", "udp"}}});
    return network;
  }

  // Runs the command in a process that is killed after a time, if it has not ended by then.
  void RunAndKill(const std::string& command, const Container& container, const Json& network,
                  std::chrono::microseconds after) const {
    int input[2];
    ASSERT_EQ(pipe2(input, O_CLOEXEC), 0);
    UniqueFd read_end(input[0]), write_end(input[1]);
    Result<ChildProcess> child = Spawn({.program = DAVIT_BRIDGE_PROGRAM,
                                        .args = {DAVIT_BRIDGE_PROGRAM},
                                        .env = {"CNI_COMMAND=" + command, "CNI_CONTAINERID=" + container.id,
                                                "CNI_NETNS=" + container.netns(), "CNI_IFNAME=eth0"},
                                        .fds = {{read_end.get(), 0}}});
    ASSERT_TRUE(child);
    std::string text = network.dump();
    ASSERT_EQ(write(write_end.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    write_end.Reset();
    std::this_thread::sleep_for(after);
    kill(child->pid, SIGKILL);
    ASSERT_TRUE(Reap(*child));
  }
};

TEST_F(ProgramCrash, WhateverAKilledRunLeavesGoesWithDel) {
  using std::chrono::microseconds;
  for (int i = 0; i < 120; ++i) {
    Json network = WithPorts(8000 + i);
    Container container = NewContainer();
    RunAndKill("ADD", container, network, microseconds(i * 100));
    if (i % 3 == 0) RunAndKill("DEL", container, network, microseconds(i * 100));
    Delete(container, network);
    ASSERT_EQ(Left(network), "") << "killed after " << i * 100 << " us";
    ASSERT_EQ(container.ns.Shell("ip -o link show | grep -c veth || true"), "0\n");
  }
}

TEST_F(ProgramCrash, AContainerCanBeAttachedAfterAKilledRunAndItsDel) {
  for (int i = 0; i < 20; ++i) {
    Container container = NewContainer();
    Json network = WithPorts(8080);
    RunAndKill("ADD", container, network, std::chrono::microseconds(i * 300));
    Delete(container, network);
    Add(container, network);
    Delete(container, network);
  }
  EXPECT_EQ(Left(Network()), "");
}

TEST_F(ProgramCrash, GarbageOfKilledRunsIsCollected) {
  Container kept = NewContainer();
  Json network = Network();
  Json result = Add(kept, network);
  std::vector<Container> lost;
  for (int i = 0; i < 20; ++i) {
    lost.push_back(NewContainer());
    RunAndKill("ADD", lost.back(), WithPorts(8000 + i), std::chrono::microseconds(i * 400));
  }
  Json garbage = Network();
  garbage["cni.dev/valid-attachments"] = Json::array({{{"containerID", kept.id}, {"ifname", "eth0"}}});
  Ran ran = Run("GC", kept, garbage, {"CNI_CONTAINERID=", "CNI_NETNS=", "CNI_IFNAME="});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(Leases().size(), 1u);
  EXPECT_EQ(PodLinks(), 1u);
  network["prevResult"] = result;
  EXPECT_EQ(Run("CHECK", kept, network).status, 0);
  Delete(kept, network);
  EXPECT_EQ(Left(network), "");
}

TEST_F(ProgramCrash, ManyRunsAtOnceGetDifferentAddresses) {
  constexpr size_t kRuns = 24;
  std::vector<Container> containers;
  for (size_t i = 0; i < kRuns; ++i) containers.push_back(NewContainer());
  std::vector<Json> results(kRuns);
  auto in_parallel = [&](const std::function<void(size_t)>& work) {
    std::vector<std::thread> threads;
    for (size_t i = 0; i < kRuns; ++i) threads.emplace_back([&, i] { host_->Run([&] { work(i); }); });
    for (std::thread& thread : threads) thread.join();
  };
  in_parallel([&](size_t i) { results[i] = Add(containers[i], WithPorts(static_cast<int>(9000 + i))); });
  std::set<std::string> addresses;
  for (const Json& result : results) {
    addresses.insert(AddressIn(result));
    addresses.insert(AddressIn(result, 1));
  }
  EXPECT_EQ(addresses.size(), 2 * kRuns);
  for (size_t i = 0; i < kRuns; i += 6) {
    Endpoint server = Serve(containers[i].ns, kTcp, Ip("0.0.0.0"), 80);
    EXPECT_EQ(Call(*outside_, kTcp, server, kHostIpv4, static_cast<uint16_t>(9000 + i)), "192.0.2.2");
  }
  in_parallel([&](size_t i) { Delete(containers[i], WithPorts(static_cast<int>(9000 + i))); });
  EXPECT_EQ(Left(Network()), "");
}

TEST_F(ProgramCrash, OneAddressOrPortIsGivenOnceHoweverManyAskForIt) {
  Json network = WithPorts(8080);
  network["runtimeConfig"]["ips"] = {"10.97.0.50"};
  std::vector<Container> containers;
  for (int i = 0; i < 8; ++i) containers.push_back(NewContainer());
  std::atomic<int> won = 0;
  std::vector<std::thread> threads;
  for (const Container& container : containers)
    threads.emplace_back([&] { host_->Run([&] { won += Run("ADD", container, network).status == 0; }); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(won, 1);
  for (const Container& container : containers) Delete(container, network);
  EXPECT_EQ(Left(network), "");
}

// In a mount namespace of its own.
TEST_F(ProgramCrash, AFullDiskRefusesContainersAndStillDetachesThem) {
  NsHandle machine = NsHandle::OfSelf("mnt").value();
  ASSERT_EQ(unshare(CLONE_NEWNS), 0);
  std::string state = dir_ + "/state";
  host_->Shell("mount --make-rprivate / && mkdir " + state + " && mount -t tmpfs -o size=64k davit-test " +
               state);
  Container container = NewContainer(), late = NewContainer();
  Add(container, Network());
  host_->Shell("dd if=/dev/zero of=" + state + "/full bs=4k status=none || true");
  Ran refused = Run("ADD", late, WithPorts(8080));
  EXPECT_NE(refused.status, 0);
  EXPECT_THAT(refused.message(), HasSubstr("No space left"));
  EXPECT_EQ(PodLinks(), 1u);
  Delete(container, Network());
  EXPECT_EQ(Left(Network()), "");
  host_->Shell("umount " + state);
  ASSERT_TRUE(machine.Enter(CLONE_NEWNS));
}

}  // namespace
}  // namespace davit::cni
