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
  // Starts the daemon again on that disk, without the layers of its images, and with too little space to
  // unpack one.
  void RestartWithoutLayers() {
    Disconnect();
    instance().Kill();
    // The kernel ends the mount with the last process that saw it. Two mounts of one file would destroy it.
    WaitUntil("the loop device is gone", [this] {
      return client::MustRun({"/sbin/losetup", "--associated", instance().directory() + "/disk.img"}).empty();
    });
    instance().Restart({"/usr/bin/unshare", "--mount", "/bin/sh", "-ec",
                        "cd " + instance().directory() +
                            "; mount -o loop disk.img root; mount --bind root/state state"
                            "; rm -rf root/snapshots/layers/*; free=$(df --output=avail -B1 root | tail -n 1)"
                            "; head -c $((free - 600000)) /dev/zero >root/ballast; exec \"$@\"",
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

  std::string Davit(const std::string& words) {
    auto outcome = client::Run(
        {"/bin/sh", "-c",
         DAVIT_BUILD_BIN_DIR "/davit --address unix://" + instance().socket() + " " + words + " 2>&1"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    return outcome.output;
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

TEST_F(FullDisk, AnArchiveThatDoesNotFitLeavesNothing) {
  try {
    RestartOnSmallDisk();
  } catch (const std::runtime_error& error) {
    GTEST_SKIP() << "needs ext4 on a loop device: " << error.what();
  }
  uint64_t free = FreeBytes();
  std::string davit = DAVIT_BUILD_BIN_DIR "/davit --address unix://" + instance().socket();
  std::string archive = instance().directory() + "/large.tar";
  client::MustRun({"/bin/sh", "-c",
                   "cd " + instance().directory() + "; head -c 90000000 /dev/urandom >layer.tar; tar cf " +
                       archive + " layer.tar; rm layer.tar"});
  auto load = client::Run({"/bin/sh", "-c", davit + " load -i " + archive});
  EXPECT_EQ(load.exit_code, 125);
  EXPECT_THAT(load.output, ::testing::AnyOf(::testing::HasSubstr("No space left"),
                                            ::testing::HasSubstr("kept in reserve")));
  WaitUntil("what was loaded of it is free", [&] { return FreeBytes() + (1 << 20) >= free; });
  // The daemon's disk is as good as full for a client, too.
  RunIdle();
  std::string saved = disk_ + "/saved.tar";
  FillDisk(disk_);
  auto save = client::Run({"/bin/sh", "-c", davit + " save -o " + saved + " " + kBusybox});
  EXPECT_EQ(save.exit_code, 125);
  EXPECT_THAT(save.output, ::testing::HasSubstr("No space left"));
  EXPECT_FALSE(std::filesystem::exists(saved));
}

TEST_F(FullDisk, AnImageThatCannotBeRestoredYetIsSeenAndRepaired) {
  try {
    RestartOnSmallDisk();
  } catch (const std::runtime_error& error) {
    GTEST_SKIP() << "needs ext4 on a loop device: " << error.what();
  }
  std::string archive = instance().directory() + "/busybox.tar";
  Davit(std::string("pull ") + kBusybox);
  Davit("save -o " + archive + " " + kBusybox);
  Davit(std::string("rmi ") + kBusybox);
  Davit("load -i " + archive);  // its blobs stay
  Davit(std::string("tag ") + kBusybox + " local.test/other:1");
  RestartWithoutLayers();
  WaitUntil("the check after the start has given up for now", [this] {
    return instance().Log().find("not restored yet=local.test/other:1") != std::string::npos;
  });
  EXPECT_THAT(Must(cri().Ask(&ImageStub::ListImages, v1::ListImagesRequest())).images(),
              ::testing::IsEmpty());
  EXPECT_THAT(Davit("images"), ::testing::HasSubstr("(incomplete)"));
  Davit("untag local.test/other:1");
  std::filesystem::remove(disk_ + "/ballast");
  EXPECT_THAT(Davit(std::string("image repair ") + kBusybox), ::testing::HasSubstr(": repaired"));
  RunIdle();
}

}  // namespace
}  // namespace davit::e2e
