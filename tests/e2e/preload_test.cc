// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Images that an operator puts into the preload directory.
#include <filesystem>
#include <optional>
#include <string>

#include "tests/client/command.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

constexpr char kAirgapped[] = "registry.example/airgap/busybox:v1";

class PreloadDirectory : public OwnInstanceTest {
 protected:
  // nullopt: the node does not have the image.
  std::optional<v1::Image> FindImage() {
    v1::ImageStatusRequest request;
    request.mutable_image()->set_image(kAirgapped);
    v1::ImageStatusResponse response = Must(cri().Ask(&ImageStub::ImageStatus, request));
    return response.has_image() ? std::optional(response.image()) : std::nullopt;
  }
  std::string Archive() const { return "docker-archive:" + file_ + ":" + kAirgapped; }

  const std::string file_ = instance().directory() + "/busybox.tar";
};

// No registry has this name: without the archive the pod could not run.
TEST_F(PreloadDirectory, GivesPodsImagesThatNoRegistryHas) {
  EXPECT_FALSE(FindImage());
  client::MustRun({"/usr/bin/skopeo", "copy", "--quiet", "--insecure-policy", "--src-tls-verify=false",
                   "docker://" + TestRegistry() + "/davit/busybox:latest", Archive()});
  std::filesystem::rename(file_, instance().directory() + "/root/preload/busybox.tar");
  WaitUntil("the image is loaded", [this] { return FindImage().has_value(); });
  WaitUntil("the image is pinned", [this] { return FindImage()->pinned(); });
  EXPECT_EQ(RunToEnd(ContainerConfig({"sh", "-c", "exit 7"}, "main", kAirgapped)).exit_code(), 7);

  Disconnect();
  instance().Kill();
  instance().Restart();
  Reconnect();
  ASSERT_TRUE(FindImage());
  EXPECT_TRUE(FindImage()->pinned());
}

}  // namespace
}  // namespace davit::e2e
