// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Lists, their filters and their streaming twins.

#include <set>

#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

using Ids = std::set<std::string>;

class Lists : public PodTest {
 protected:
  Ids Pods(const v1::PodSandboxFilter& filter) {
    Ids ids;
    for (const auto& pod : ListPods(filter)) ids.insert(pod.id());
    EXPECT_EQ(ids, StreamedPods(filter));
    return ids;
  }

  Ids Containers(const v1::ContainerFilter& filter) {
    Ids ids;
    for (const auto& container : ListContainers(filter)) ids.insert(container.id());
    EXPECT_EQ(ids, StreamedContainers(filter));
    return ids;
  }

  std::string RunLabelled(const std::string& value) {
    v1::PodSandboxConfig config = PodConfig();
    (*config.mutable_labels())["app"] = value;
    (*config.mutable_labels())["tier"] = "all";
    return RunPod(config);
  }

 private:
  Ids StreamedPods(const v1::PodSandboxFilter& filter) {
    v1::StreamPodSandboxesRequest request;
    *request.mutable_filter() = filter;
    auto parts = cri().AskAll(&RuntimeStub::StreamPodSandboxes, request);
    EXPECT_THAT(parts, Succeeds());
    Ids ids;
    for (const auto& part : parts.value) {
      for (const auto& pod : part.pod_sandboxes()) ids.insert(pod.id());
    }
    return ids;
  }

  Ids StreamedContainers(const v1::ContainerFilter& filter) {
    v1::StreamContainersRequest request;
    *request.mutable_filter() = filter;
    auto parts = cri().AskAll(&RuntimeStub::StreamContainers, request);
    EXPECT_THAT(parts, Succeeds());
    Ids ids;
    for (const auto& part : parts.value) {
      for (const auto& container : part.containers()) ids.insert(container.id());
    }
    return ids;
  }
};

TEST_F(Lists, PodsAreFilteredByIdItsPrefixStateAndLabels) {
  std::string red = RunLabelled("red");
  std::string blue = RunLabelled("blue");
  StopPod(blue);

  EXPECT_THAT(Pods({}), UnorderedElementsAre(red, blue));
  v1::PodSandboxFilter by_id;
  by_id.set_id(red);
  EXPECT_THAT(Pods(by_id), ElementsAre(red));
  by_id.set_id(red.substr(0, 12));
  EXPECT_THAT(Pods(by_id), ElementsAre(red));
  v1::PodSandboxFilter by_state;
  by_state.mutable_state()->set_state(v1::SANDBOX_NOTREADY);
  EXPECT_THAT(Pods(by_state), ElementsAre(blue));
  v1::PodSandboxFilter by_label;
  (*by_label.mutable_label_selector())["app"] = "blue";
  EXPECT_THAT(Pods(by_label), ElementsAre(blue));
  (*by_label.mutable_label_selector())["tier"] = "none";
  EXPECT_THAT(Pods(by_label), IsEmpty());
}

TEST_F(Lists, ContainersAreFilteredByIdPodStateAndLabels) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  v1::ContainerConfig labelled = IdleConfig("labelled");
  (*labelled.mutable_labels())["role"] = "worker";
  std::string running = CreateAndStart(pod, pod_config, labelled);
  std::string created = Create(pod, pod_config, IdleConfig("created"));
  v1::PodSandboxConfig other_config = PodConfig();
  std::string elsewhere = Create(RunPod(other_config), other_config, IdleConfig());

  EXPECT_THAT(Containers({}), UnorderedElementsAre(running, created, elsewhere));
  v1::ContainerFilter by_id;
  by_id.set_id(created);
  EXPECT_THAT(Containers(by_id), ElementsAre(created));
  v1::ContainerFilter by_pod;
  by_pod.set_pod_sandbox_id(pod);
  EXPECT_THAT(Containers(by_pod), UnorderedElementsAre(running, created));
  v1::ContainerFilter by_state;
  by_state.mutable_state()->set_state(v1::CONTAINER_CREATED);
  EXPECT_THAT(Containers(by_state), UnorderedElementsAre(created, elsewhere));
  by_state.set_pod_sandbox_id(pod);
  EXPECT_THAT(Containers(by_state), ElementsAre(created));
  v1::ContainerFilter by_label;
  (*by_label.mutable_label_selector())["role"] = "worker";
  EXPECT_THAT(Containers(by_label), ElementsAre(running));
}

TEST_F(Lists, AListedContainerNamesItsImageAndPod) {
  std::string container = RunIdle();
  v1::ImageStatusRequest image;
  image.mutable_image()->set_image(kBusybox);
  std::string image_id = Must(cri().Ask(&ImageStub::ImageStatus, image)).image().id();

  auto listed = ListContainers().at(0);

  EXPECT_EQ(listed.id(), container);
  EXPECT_EQ(listed.image_id(), image_id);
  EXPECT_EQ(listed.image_id(), StatusOf(container).image_id());
  EXPECT_EQ(listed.metadata().name(), "idle");
}

TEST_F(Lists, ImagesAreListedAndStreamedAlike) {
  RunIdle();

  v1::ListImagesResponse list = Must(cri().Ask(&ImageStub::ListImages, v1::ListImagesRequest()));
  Ids listed;
  for (const auto& image : list.images()) listed.insert(image.id());
  auto stream = cri().AskAll(&ImageStub::StreamImages, v1::StreamImagesRequest());
  EXPECT_THAT(stream, Succeeds());
  Ids streamed;
  for (const auto& part : stream.value) {
    for (const auto& image : part.images()) streamed.insert(image.id());
  }

  EXPECT_FALSE(listed.empty());
  EXPECT_EQ(listed, streamed);
}

TEST_F(Lists, ImagesThatTheConfigurationPinsAreShownAsPinned) {
  RunIdle();
  v1::PullImageRequest pull;
  pull.mutable_image()->set_image("registry.k8s.io/pause:3.9");
  std::string pause = Must(cri().Ask(&ImageStub::PullImage, pull)).image_ref();

  v1::ListImagesResponse list = Must(cri().Ask(&ImageStub::ListImages, v1::ListImagesRequest()));
  for (const auto& image : list.images())
    EXPECT_EQ(image.pinned(), image.id() == pause) << image.ShortDebugString();
}

TEST_F(Lists, ImageStatusFindsAnImageByNameDigestAndId) {
  RunIdle();
  auto status = [&](const std::string& name) {
    v1::ImageStatusRequest request;
    request.mutable_image()->set_image(name);
    return Must(cri().Ask(&ImageStub::ImageStatus, request)).image();
  };
  v1::Image by_name = status(kBusybox);

  EXPECT_THAT(by_name.repo_tags(), Contains(kBusybox));
  ASSERT_FALSE(by_name.repo_digests().empty());
  EXPECT_EQ(status(by_name.repo_digests(0)).id(), by_name.id());
  EXPECT_EQ(status(by_name.id()).id(), by_name.id());
}

}  // namespace
}  // namespace davit::e2e
