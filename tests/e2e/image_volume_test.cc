// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Volumes that are images (KEP-4639), and volumes that an image declares.
#include "images/digest.h"
#include "images/testing/fake_registry.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kFiveLayers[] = "registry.test/davit/five-layers:latest";
constexpr char kOneLayer[] = "registry.test/davit/volume:latest";

class ImageVolumes : public PodTest {
 protected:
  ImageVolumes() {
    for (const char* image : {kFiveLayers, kOneLayer}) Pull(image);
  }

  void Pull(const std::string& image) {
    v1::PullImageRequest request;
    request.mutable_image()->set_image(image);
    Must(cri().Ask(&ImageStub::PullImage, request));
  }

  static void AddVolume(v1::ContainerConfig& config, const std::string& image, const std::string& target,
                        const std::string& sub_path = "") {
    v1::Mount& mount = *config.add_mounts();
    mount.mutable_image()->set_image(image);
    mount.set_container_path(target);
    mount.set_image_sub_path(sub_path);
    mount.set_readonly(true);
  }

  std::string RunWith(const std::string& image, const std::string& sub_path = "") {
    return RunIdle([&](v1::PodSandboxConfig&, v1::ContainerConfig& config) {
      AddVolume(config, image, "/volume", sub_path);
    });
  }
};

TEST_F(ImageVolumes, HaveTheFilesOfAllLayers) {
  std::string container = RunWith(kFiveLayers);
  // 50 files, and what the layer above took away is gone.
  EXPECT_EQ(Shell(container, "cat /volume/data/last; ls /volume/data/4 | wc -l; ls /volume/data/3 | wc -l"),
            "450\n49");  // "last" ends without a newline
}

TEST_F(ImageVolumes, MayHaveASingleLayer) {
  EXPECT_EQ(Shell(RunWith(kOneLayer), "cat /volume/data/seed"), "from the image");
}

// As `oras push` writes one.
TEST_F(ImageVolumes, MayBeArtifacts) {
  constexpr char kArtifact[] = "artifact.test/model:v1";
  const std::string weights(100'000, 'w');
  images::FakeRegistry registry;
  std::string manifest =
      R"({"schemaVersion":2,"artifactType":"application/vnd.example.model","config":{"mediaType":)"
      R"("application/vnd.oci.empty.v1+json","digest":")" +
      *images::Sha256Of("{}") +
      R"(","size":2},"layers":[{"mediaType":"application/octet-stream","digest":")" +
      *images::Sha256Of(weights) +
      R"(","size":100000,"annotations":{"org.opencontainers.image.title":)"
      R"("weights/part.bin"}}]})";
  registry.manifests["model:v1"] = manifest;
  registry.blobs["model@" + *images::Sha256Of(weights)] = weights;
  instance().Mirror("artifact.test", registry.host());
  Pull(kArtifact);
  std::string container = RunWith(kArtifact);
  EXPECT_EQ(Shell(container, "wc -c </volume/weights/part.bin; ls /volume"), "100000\nweights");
  EXPECT_EQ(Shell(RunWith(kArtifact, "weights"), "ls /volume"), "part.bin");
}

TEST_F(ImageVolumes, AreReadOnlyAndNotExecutable) {
  std::string container = RunWith(kFiveLayers);
  EXPECT_THAT(Exec(container, {"touch", "/volume/new"}).err, HasSubstr("Read-only file system"));
  EXPECT_THAT(Exec(container, {"sh", "-c", "/volume/bin/sh -c true"}).err, HasSubstr("Permission denied"));
}

TEST_F(ImageVolumes, MayBeADirectoryOfTheImage) {
  std::string container = RunWith(kFiveLayers, "data/2");
  EXPECT_THAT(Shell(container, "cat /volume/7"), StartsWith("2 7"));
}

TEST_F(ImageVolumes, NeedADirectoryThatIsThere) {
  v1::PodSandboxConfig config = PodConfig();
  std::string pod = RunPod(config);
  v1::ContainerConfig bad = IdleConfig();
  AddVolume(bad, kFiveLayers, "/volume", "data/none");
  v1::StartContainerRequest request;
  request.set_container_id(Create(pod, config, bad));

  EXPECT_THAT(cri().Ask(&RuntimeStub::StartContainer, request),
              FailsWith(grpc::StatusCode::NOT_FOUND, "image volume /volume"));
}

TEST_F(ImageVolumes, NeedAnImageThatIsThere) {
  v1::PodSandboxConfig config = PodConfig();
  v1::CreateContainerRequest request;
  request.set_pod_sandbox_id(RunPod(config));
  *request.mutable_sandbox_config() = config;
  *request.mutable_config() = IdleConfig();
  AddVolume(*request.mutable_config(), "registry.test/davit/none:latest", "/volume");

  EXPECT_THAT(cri().Ask(&RuntimeStub::CreateContainer, request),
              FailsWith(grpc::StatusCode::NOT_FOUND, "image volume /volume"));
}

TEST_F(ImageVolumes, AreNamedByDigestInTheStatus) {
  std::string container = RunWith(kFiveLayers);
  v1::ContainerStatus status = StatusOf(container);
  ASSERT_EQ(status.mounts_size(), 1);
  EXPECT_EQ(status.mounts(0).image().image(), kFiveLayers);
  EXPECT_THAT(status.mounts(0).image().image_ref(), StartsWith("registry.test/davit/five-layers@sha256:"));
}

TEST_F(ImageVolumes, OutliveTheirImage) {
  std::string container = RunWith(kFiveLayers);
  v1::RemoveImageRequest request;
  request.mutable_image()->set_image(kFiveLayers);
  Must(cri().Ask(&ImageStub::RemoveImage, request));
  EXPECT_EQ(Shell(container, "cat /volume/data/last"), "4");
}

TEST_F(ImageVolumes, DeclaredByAnImageStayWritableUnderAReadOnlyRoot) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  v1::ContainerConfig config = IdleConfig();
  config.mutable_image()->set_image(kOneLayer);
  config.mutable_linux()->mutable_security_context()->set_readonly_rootfs(true);
  std::string container = CreateAndStart(pod, pod_config, config);

  EXPECT_EQ(Shell(container, "cat /data/seed; echo new >/data/file; echo new >/srv/new/file; cat /data/file"),
            "from the image\nnew");
  EXPECT_THAT(Exec(container, {"touch", "/refused"}).err, HasSubstr("Read-only file system"));
}

}  // namespace
}  // namespace davit::e2e
