// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <set>

#include "cli/compose/attachments.h"
#include "cli/compose/container_request.h"
#include "cli/compose/labels.h"
#include "cli/compose/node.h"
#include "cli/compose/project_files.h"
#include "cli/compose/reverse.h"
#include "cli/compose/verbs.h"
#include "cli/containers.h"
#include "cli/user_networks.h"

namespace davit::cli::compose {
namespace {

// Without files a name is enough: labels say what belongs to the project.
Result<Project> ProjectToRemove(const Context& context) {
  const Console& console = context.session.console;
  Result<Project> project = OpenProject(console, context.options);
  bool no_files = !project && project.error().code == Code::kNotFound && context.options.files.empty();
  if (!no_files) return project;
  Result<std::string> name = NameOfProject(console, context.options);
  if (!name) return project;
  return Project{.name = *name};
}

// All of a project without files; else those of its services, and orphans if they are wanted.
std::vector<api::Container> ToRemove(const Project& project, const std::vector<api::Container>& containers,
                                     bool orphans) {
  std::vector<api::Container> chosen;
  for (const api::Container& container : containers) {
    std::string service = NowOf(container).service;
    bool known = project.services.contains(service) || project.idle.contains(service);
    if (known || orphans || project.services.empty()) chosen.push_back(container);
  }
  return chosen;
}

Result<> RemoveContainers(const Session& session, const Project& project,
                          const std::vector<api::Container>& containers, const Down& options,
                          Progress& progress) {
  return InReverse(project, containers, progress, [&](const api::Container& container) -> Result<> {
    if (NowOf(container).running) {
      TRY(StopContainer(session, container.id(), options.grace_seconds));
      progress.Say("Container", container.name(), "Stopped");
    }
    Result<> removed = RemoveContainer(session, container.id(), /*force=*/true, options.volumes);
    if (!removed && removed.error().code != Code::kNotFound) return removed;
    progress.Say("Container", container.name(), "Removed");
    return {};
  });
}

Result<> RemoveNetworks(const Session& session, const Project& project, Progress& progress) {
  for (const api::Network& network : TRY(ListUserNetworks(session.daemon))) {
    auto label = network.spec().labels().find(kProjectLabel);
    if (label == network.spec().labels().end() || label->second != project.name) continue;
    api::RemoveNetworkRequest request;
    request.set_network(network.name());
    Result<api::RemoveNetworkResponse> removed =
        session.daemon.Call(&NetworkStub::Remove, request, CallMode::kShielded);
    if (removed)
      progress.Say("Network", network.name(), "Removed");
    else if (removed.error().code == Code::kFailedPrecondition)
      progress.Remark("the network " + network.name() + " stays: " + removed.error().ToString());
    else
      return std::unexpected(removed.error());
  }
  return {};
}

Result<> RemoveVolumes(const Session& session, const Project& project, Progress& progress) {
  std::vector<std::string> names;
  TRY((session.daemon.Read<api::ListVolumesRequest, api::ListVolumesResponse>(
      &VolumeStub::List, api::ListVolumesRequest(), [&](const api::ListVolumesResponse& part) {
        for (const api::Volume& volume : part.volumes()) {
          auto label = volume.labels().find(kProjectLabel);
          if (label != volume.labels().end() && label->second == project.name) names.push_back(volume.name());
        }
      })));
  for (const std::string& name : names) {
    api::RemoveVolumeRequest request;
    request.set_name(name);
    TRY(session.daemon.Call(&VolumeStub::Remove, request, CallMode::kShielded));
    progress.Say("Volume", name, "Removed");
  }
  return {};
}

// "local": those that have no name of their own, because they are built here.
Result<> RemoveImages(const Session& session, const Project& project, const std::string& which,
                      Progress& progress) {
  std::set<std::string> images;
  for (const auto& [name, service] : project.services)
    if (which == "all" || !service.Has("image")) images.insert(ImageOf(project, service));
  for (const std::string& image : images) {
    if (TRY(ImageIdOf(session.daemon, image)).empty()) continue;
    v1::RemoveImageRequest request;
    request.mutable_image()->set_image(image);
    TRY(session.daemon.Call(&ImageStub::RemoveImage, request, CallMode::kShielded));
    progress.Say("Image", image, "Removed");
  }
  return {};
}

}  // namespace

Result<int> Do(const Context& context, const Down& options) {
  const Session& session = context.session;
  const Project project = TRY(ProjectToRemove(context));
  Progress progress(session.console);
  std::vector<api::Container> all = TRY(ContainersOf(session.daemon, project.name, /*all=*/true));
  std::vector<api::Container> chosen = ToRemove(project, all, options.remove_orphans);
  TRY(RemoveContainers(session, project, chosen, options, progress));
  TRY(RemoveNetworks(session, project, progress));
  if (options.volumes) TRY(RemoveVolumes(session, project, progress));
  if (chosen.size() == all.size()) TRY(RemoveAttachments(project.name));
  if (!options.images.empty()) TRY(RemoveImages(session, project, options.images, progress));
  return 0;
}

}  // namespace davit::cli::compose
