// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/node.h"

#include <algorithm>
#include <tuple>

#include "base/number.h"
#include "cli/compose/labels.h"
#include "cli/containers.h"
#include "cli/image_list.h"
#include "cli/user_networks.h"

namespace davit::cli::compose {

std::string LabelOf(const api::Container& container, const char* label) {
  auto found = container.spec().labels().find(label);
  return found == container.spec().labels().end() ? "" : found->second;
}

ContainerNow NowOf(const api::Container& container) {
  api::ContainerState::Status status = container.state().status();
  return {.id = container.id(),
          .name = container.name(),
          .service = LabelOf(container, kServiceLabel),
          .number = WholeNumber<int64_t>(LabelOf(container, kNumberLabel)).value_or(0),
          .hash = LabelOf(container, kHashLabel),
          .image_id = container.image_id(),
          .one_off = LabelOf(container, kOneOffLabel) == "True",
          .running = status == api::ContainerState::RUNNING || status == api::ContainerState::RESTARTING};
}

Result<std::vector<api::Container>> ContainersOf(const Daemon& daemon, const std::string& project, bool all) {
  std::vector<api::Container> containers = TRY(ListContainers(daemon, all));
  std::erase_if(containers, [&project](const api::Container& container) {
    std::string own = LabelOf(container, kProjectLabel);
    return own.empty() || (!project.empty() && own != project) || LabelOf(container, kServiceLabel).empty();
  });
  std::ranges::sort(containers, {}, [](const api::Container& container) {
    ContainerNow now = NowOf(container);
    return std::tuple(now.service, now.number, now.name);
  });
  return containers;
}

std::vector<api::Container> OfServices(const std::vector<api::Container>& containers,
                                       const std::vector<std::string>& services) {
  std::vector<api::Container> chosen;
  for (const api::Container& container : containers) {
    ContainerNow now = NowOf(container);
    bool wanted = services.empty() || std::ranges::find(services, now.service) != services.end();
    if (wanted && !now.one_off) chosen.push_back(container);
  }
  return chosen;
}

Result<ProjectNow> LookAt(const Daemon& daemon, const std::string& project) {
  ProjectNow now;
  for (const api::Container& container : TRY(ContainersOf(daemon, project, /*all=*/true)))
    now.containers.push_back(NowOf(container));
  for (const api::Network& network : TRY(ListUserNetworks(daemon))) now.networks.insert(network.name());
  TRY((daemon.Read<api::ListVolumesRequest, api::ListVolumesResponse>(
      &VolumeStub::List, api::ListVolumesRequest(), [&now](const api::ListVolumesResponse& part) {
        for (const api::Volume& volume : part.volumes()) now.volumes.insert(volume.name());
      })));
  return now;
}

Result<std::string> ImageIdOf(const Daemon& daemon, const std::string& image) {
  api::ListImagesRequest request;
  request.set_image(image);
  std::vector<api::Image> images = TRY(ListImages(daemon, request));
  return images.empty() || images[0].incomplete() ? "" : images[0].id();
}

}  // namespace davit::cli::compose
