// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pods outlive the daemon and its release: the previous release's shim (tests/compatibility) under this
// daemon.

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "tests/e2e/host_objects.h"
#include "tests/e2e/log_file.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;

constexpr size_t kMaxProgram = 512 << 20;

class Compatibility : public OwnInstanceTest {
 protected:
  void SetUp() override {
    const char* previous = getenv("DAVIT_PREVIOUS_SHIM");
    if (previous == nullptr)
      GTEST_SKIP() << "needs a shim of the previous release in DAVIT_PREVIOUS_SHIM (hack/test has one)";
    previous_shim_ = previous;
  }

  // Kills the daemon and starts it from a directory of programs that has this shim.
  void RestartWithShim(const std::string& shim) {
    instance().Kill();
    fs::path programs = instance().directory() + "/programs";
    if (!fs::exists(programs)) CopyPrograms(programs);
    fs::remove(programs / "davit-shim");
    fs::copy_file(shim, programs / "davit-shim");
    std::string file = instance().directory() + "/instance.json";
    auto description = nlohmann::json::parse(ReadFile(file).value());
    description["bin_dir"] = programs;
    std::ofstream(file) << description;
    instance().Restart();
    Reconnect();
  }
  void CopyPrograms(const fs::path& to) {
    auto description = nlohmann::json::parse(ReadFile(instance().directory() + "/instance.json").value());
    own_programs_ = description.at("bin_dir").get<std::string>();
    fs::create_directory(to);
    for (const char* program : {"davitd", "davit-unpack"})
      fs::copy_file(own_programs_ / program, to / program);
  }
  std::string own_shim() const { return own_programs_ / "davit-shim"; }

  // Whether the pod's shim was started from this file.
  bool IsServedBy(const std::string& pod, const std::string& shim) {
    pid_t pid = ShimsOf(instance()).at(pod);
    return ReadFile("/proc/" + std::to_string(pid) + "/exe", kMaxProgram).value() ==
           ReadFile(shim, kMaxProgram).value();
  }

  // Everything that a daemon asks of the shim of a pod whose container it knows.
  void Use(const std::string& pod, const v1::PodSandboxConfig& config, const std::string& container) {
    EXPECT_EQ(PodStatusOf(pod).state(), v1::SANDBOX_READY);
    EXPECT_EQ(StatusOf(container).state(), v1::CONTAINER_RUNNING);
    EXPECT_EQ(Shell(container, "echo exec"), "exec");
    EXPECT_EQ(Exec(container, {"sh", "-c", "exit 7"}).exit_code, 7);
    v1::ReopenContainerLogRequest reopen;
    reopen.set_container_id(container);
    Must(cri().Ask(&RuntimeStub::ReopenContainerLog, reopen));

    v1::ContainerConfig next = ShellConfig("echo said; exit 3", "next" + std::to_string(number_++));
    std::string another = CreateAndStart(pod, config, next);
    EXPECT_EQ(WaitForExit(another).exit_code(), 3);
    EXPECT_EQ(LogOf(another), "said\n");
    RemoveContainer(another);
  }

  std::string previous_shim_;
  fs::path own_programs_;
  int number_ = 0;
};

TEST_F(Compatibility, PodsGoOnUnderADaemonWithAnotherShim) {
  RestartWithShim(previous_shim_);
  v1::PodSandboxConfig old_config = PodConfig("old");
  std::string old_pod = RunPod(old_config);
  std::string old_container = CreateAndStart(old_pod, old_config, IdleConfig());
  ASSERT_TRUE(IsServedBy(old_pod, previous_shim_));
  Use(old_pod, old_config, old_container);

  RestartWithShim(own_shim());
  Use(old_pod, old_config, old_container);
  v1::PodSandboxConfig new_config = PodConfig("new");
  std::string new_pod = RunPod(new_config);
  std::string new_container = CreateAndStart(new_pod, new_config, IdleConfig());
  ASSERT_TRUE(IsServedBy(new_pod, own_shim()));
  Use(new_pod, new_config, new_container);

  RestartWithShim(previous_shim_);
  Use(old_pod, old_config, old_container);
  Use(new_pod, new_config, new_container);
  for (const std::string& container : {old_container, new_container}) {
    StopContainer(container, 10);
    EXPECT_EQ(StatusOf(container).state(), v1::CONTAINER_EXITED);
  }
  for (const std::string& pod : {old_pod, new_pod}) {
    StopPod(pod);
    RemovePod(pod);
  }
  EXPECT_THAT(ListPods(), IsEmpty());
}

TEST_F(Compatibility, AnExitBetweenTheDaemonsIsKnownToTheNextOne) {
  RestartWithShim(previous_shim_);
  v1::PodSandboxConfig config = PodConfig();
  v1::ContainerConfig script = ShellConfig("while [ ! -e /host/flag ]; do usleep 1000; done; exit 42");
  v1::Mount* mount = script.add_mounts();
  mount->set_host_path(instance().directory());
  mount->set_container_path("/host");
  std::string container = CreateAndStart(RunPod(config), config, script);
  WaitUntil("the container runs its script",
            [] { return ProcessesWith("while [ ! -e /host/flag ]").size() == 1; });

  instance().Kill();
  std::ofstream(instance().directory() + "/flag").flush();
  std::string record = instance().directory() + "/state/exits/" + container;
  WaitUntil("the shim has recorded the end", [&] { return access(record.c_str(), F_OK) == 0; });
  instance().Restart();
  Reconnect();
  RestartWithShim(own_shim());

  EXPECT_EQ(StatusOf(container).state(), v1::CONTAINER_EXITED);
  EXPECT_EQ(StatusOf(container).exit_code(), 42);
}

}  // namespace
}  // namespace davit::e2e
