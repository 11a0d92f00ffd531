// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A disk with 0 bytes and 0 inodes free, which holds both `root` and `state`: everything can be taken down,
// and that gives the space back.

#include <sys/statvfs.h>

#include "base/testing/small_disk.h"
#include "tests/client/command.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

class FullDisk : public OwnInstanceTest {
 protected:
  // Starts the daemon again in a mount namespace of its own, with an ext4 of 64 MiB at `root` and `state`.
  // The filesystem goes with the last process that sees it.
  void RestartOnSmallDisk() {
    instance().Kill();
    instance().Restart({"/usr/bin/unshare", "--mount", "/bin/sh", "-ec",
                        "cd " + instance().directory() +
                            "; truncate -s 64m disk.img; mkfs.ext4 -q -m 0 -b 1024 disk.img"
                            "; mount -o loop disk.img root; mkdir root/state"
                            "; mount --bind root/state state; exec \"$@\"",
                        "sh"});
    Reconnect();
    disk_ = "/proc/" + std::to_string(instance().pid()) + "/root" + instance().directory() + "/root";
  }
  uint64_t FreeBytes() const {
    struct statvfs disk{};
    return statvfs(disk_.c_str(), &disk) == 0 ? disk.f_bavail * disk.f_frsize : 0;
  }
  v1::RemoveImageRequest Busybox() const {
    v1::RemoveImageRequest request;
    request.mutable_image()->set_image(kBusybox);
    return request;
  }

  std::string disk_;
};

TEST_F(FullDisk, EverythingComesDownAndTheSpaceComesBack) {
  try {
    RestartOnSmallDisk();
  } catch (const std::runtime_error& error) {
    GTEST_SKIP() << "needs ext4 on a loop device: " << error.what();
  }
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  std::string running = CreateAndStart(pod, pod_config, IdleConfig("running"));
  std::string left_running = CreateAndStart(pod, pod_config, IdleConfig("left-running"));
  std::string created = Create(pod, pod_config, IdleConfig("created"));
  uint64_t free = FreeBytes();
  FillDisk(disk_ + "/snapshots/containers/" + running + "/upper");
  FillDisk(disk_);
  FillInodes(disk_);
  ASSERT_EQ(FreeBytes(), 0U);

  StopContainer(running, /*timeout_seconds=*/0);
  EXPECT_EQ(StatusOf(running).exit_code(), 137);
  StopPod(pod);
  EXPECT_EQ(StatusOf(left_running).state(), v1::CONTAINER_EXITED);
  EXPECT_EQ(PodStatusOf(pod).state(), v1::SANDBOX_NOTREADY);
  RemoveContainer(created);
  RemoveContainer(running);
  RemovePod(pod);
  EXPECT_THAT(ListPods(), ::testing::IsEmpty());
  EXPECT_THAT(ListContainers(), ::testing::IsEmpty());
  Must(cri().Ask(&ImageStub::RemoveImage, Busybox()));
  WaitUntil("what the container and the image had is free",
            [&] { return FreeBytes() >= free || FreeBytes() > (2 << 20); });

  // And the node works on.
  for (const char* ballast : {"/ballast", "/empty0", "/empty1", "/empty2"})
    std::filesystem::remove(disk_ + ballast);
  RunIdle();
}

}  // namespace
}  // namespace davit::e2e
