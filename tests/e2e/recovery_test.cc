// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pods that a restarted daemon cannot take over easily: large ones, and those whose records are damaged.

#include <signal.h>

#include "tests/client/command.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// busybox's `id -G` takes minutes for so many.
constexpr char kCountGroups[] = "set -- $(grep ^Groups: /proc/self/status); echo $(($# - 1))";
constexpr char kManyGroups[] = "registry.test/davit/many-groups:latest";

class RestartedDaemon : public OwnInstanceTest {
 protected:
  void KillAndRestart() {
    instance().Kill();
    instance().Restart();
    Reconnect();
  }

  // Makes a row of the database undecodable. The daemon must not run.
  void Spoil(const std::string& table, const std::string& id) {
    constexpr char kScript[] =
        "import sqlite3, sys\n"
        "database = sqlite3.connect(sys.argv[1])\n"
        "changed = database.execute(f\"UPDATE {sys.argv[2]} SET blob = X'FFFF' WHERE id = ?\", "
        "sys.argv[3:])\n"
        "assert changed.rowcount == 1\n"
        "database.commit()\n";
    client::MustRun(
        {"/usr/bin/python3", "-c", kScript, instance().directory() + "/root/davit.db", table, id});
  }

  std::string ReasonOf(const std::string& pod) {
    v1::PodSandboxStatusRequest request;
    request.set_pod_sandbox_id(pod);
    request.set_verbose(true);
    return Must(cri().Ask(&RuntimeStub::PodSandboxStatus, request)).info().at("info");
  }

  std::vector<v1::ContainerState> StatesIn(const std::string& pod) {
    v1::ContainerFilter filter;
    filter.set_pod_sandbox_id(pod);
    std::vector<v1::ContainerState> states;
    for (const v1::Container& container : ListContainers(filter)) states.push_back(container.state());
    return states;
  }
};

TEST_F(RestartedDaemon, QuarantinesPodsWhoseRecordsAreDamagedAndServesTheOthers) {
  v1::PodSandboxConfig config = PodConfig();
  std::string bad_sandbox = RunPod(config);
  CreateAndStart(bad_sandbox, config, IdleConfig());
  config = PodConfig();
  std::string bad_container = RunPod(config);
  std::string damaged = CreateAndStart(bad_container, config, IdleConfig());
  config = PodConfig();
  std::string good = RunPod(config);
  std::string spared = CreateAndStart(good, config, IdleConfig());

  instance().Kill();
  Spoil("sandboxes", bad_sandbox);
  Spoil("containers", damaged);
  instance().Restart();
  Reconnect();

  for (const std::string& bad : {bad_sandbox, bad_container}) {
    EXPECT_EQ(PodStatusOf(bad).state(), v1::SANDBOX_NOTREADY);
    EXPECT_THAT(ReasonOf(bad), HasSubstr("decode"));
  }
  EXPECT_EQ(PodStatusOf(good).state(), v1::SANDBOX_READY);
  EXPECT_EQ(Shell(spared, "echo alive"), "alive");
  EXPECT_EQ(Shell(CreateAndStart(good, config, IdleConfig("next")), "echo works"), "works");
  for (const std::string& bad : {bad_sandbox, bad_container}) {
    StopPod(bad);
    RemovePod(bad);
  }
  EXPECT_THAT(ListPods(), SizeIs(1));
}

// More than fit into one frame between shim and daemon, and into one reply to Hello.
TEST_F(RestartedDaemon, TakesOverAPodOfManyContainers) {
  constexpr int kContainers = 130;
  v1::PodSandboxConfig config = PodConfig();
  std::string pod = RunPod(config);
  std::string last;
  for (int i = 0; i < kContainers; ++i)
    last = CreateAndStart(pod, config, ContainerConfig({"sleep", "1000"}, "c" + std::to_string(i)));

  KillAndRestart();

  EXPECT_EQ(PodStatusOf(pod).state(), v1::SANDBOX_READY);
  EXPECT_THAT(StatesIn(pod), AllOf(SizeIs(kContainers), Each(v1::CONTAINER_RUNNING)));
  EXPECT_EQ(Shell(last, "echo alive"), "alive");
  StopContainer(last, 0);
  EXPECT_EQ(StatusOf(last).exit_code(), 128 + SIGKILL);
  StopPod(pod);
  EXPECT_THAT(StatesIn(pod), AllOf(SizeIs(kContainers), Each(v1::CONTAINER_EXITED)));
}

TEST_F(RestartedDaemon, TakesOverAContainerWhoseUserIsInManyGroups) {
  constexpr int kGroups = 16'001;  // of the image, and the user's own
  v1::PodSandboxConfig config = PodConfig();
  std::string pod = RunPod(config);
  v1::ContainerConfig member =
      ContainerConfig({"sh", "-c", kCountGroups + std::string("; exec sleep 1000")}, "member", kManyGroups);
  std::string many = CreateAndStart(pod, config, member);
  std::string neighbour = CreateAndStart(pod, config, IdleConfig("neighbour"));
  WaitForOutput(many, std::to_string(kGroups));

  KillAndRestart();

  EXPECT_THAT(StatesIn(pod), AllOf(SizeIs(2), Each(v1::CONTAINER_RUNNING)));
  EXPECT_GE(StatusOf(many).user().linux().supplemental_groups_size(), kGroups - 1);
  EXPECT_EQ(Shell(many, kCountGroups), std::to_string(kGroups));
  EXPECT_EQ(Shell(neighbour, "echo alive"), "alive");
  StopContainer(neighbour, 0);
  EXPECT_EQ(StatusOf(neighbour).exit_code(), 128 + SIGKILL);
  StopPod(pod);
  EXPECT_EQ(StatusOf(many).state(), v1::CONTAINER_EXITED);
}

}  // namespace
}  // namespace davit::e2e
