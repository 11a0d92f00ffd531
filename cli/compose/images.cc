// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/images.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "cli/compose/container_request.h"
#include "cli/compose/node.h"
#include "cli/compose/project_files.h"
#include "cli/compose/verbs.h"
#include "cli/pull.h"
#include "cli/row_output.h"
#include "cli/text.h"

namespace davit::cli::compose {
namespace {

constexpr size_t kAtOnce = 4;

enum class Need : uint8_t { kNothing, kPull, kBuild };

Result<Need> NeedOf(const Session& session, const Project& project, const Service& service,
                    const ImageChoice& choice) {
  bool builds = service.Has("build");
  std::string policy = choice.pull.empty() ? service.Text("pull_policy") : choice.pull;
  if (builds && (choice.build || policy == "build")) return Need::kBuild;
  if (!builds && policy == "always") return Need::kPull;
  if (!TRY(ImageIdOf(session.daemon, ImageOf(project, service))).empty()) return Need::kNothing;
  if (builds) return Need::kBuild;
  if (policy != "never") return Need::kPull;
  return Fail(Code::kNotFound, "services." + service.name, ImageOf(project, service),
              "the node does not have the image, and it is not to be pulled");
}

std::vector<std::string> ImagesToPull(const Project& project, const std::vector<std::string>& services) {
  std::vector<std::string> images;
  for (const std::string& name : services) {
    const Service& service = project.Named(name);
    if (!service.Has("build") && service.Text("pull_policy") != "never")
      images.push_back(ImageOf(project, service));
  }
  return images;
}

}  // namespace

Result<> PullAll(const Session& session, const std::vector<std::string>& images, Progress& progress) {
  std::set<std::string> unique(images.begin(), images.end());
  std::vector<std::string> list(unique.begin(), unique.end());
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  std::optional<Error> error;
  auto work = [&] {
    for (size_t i = next++; i < list.size(); i = next++) {
      progress.Say("Image", list[i], "Pulling");
      auto pulled = PullQuietly(session, list[i]);
      if (pulled) progress.Say("Image", list[i], "Pulled");
      std::lock_guard lock(mutex);
      if (!pulled && error) progress.Remark(error->ToString());
      if (!pulled) error = pulled.error();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < std::min(kAtOnce, list.size()); ++i) threads.emplace_back(work);
  }
  if (error) return std::unexpected(std::move(*error));
  return {};
}

Result<> GetImages(const Session& session, const Project& project, const std::vector<std::string>& services,
                   const ImageChoice& choice, Progress& progress) {
  std::vector<std::string> pulls;
  std::vector<std::string> builds;
  for (const std::string& name : services) {
    const Service& service = project.Named(name);
    Need need = TRY(NeedOf(session, project, service, choice));
    if (need == Need::kPull) pulls.push_back(ImageOf(project, service));
    if (need == Need::kBuild) builds.push_back(name);
  }
  TRY(PullAll(session, pulls, progress));
  for (const std::string& name : builds) TRY(BuildImage(session, project, project.Named(name)));
  return {};
}

Result<int> Do(const Context& context, const Pull& options) {
  Project project = TRY(OpenProject(context.session.console, context.options, options.services));
  std::vector<std::string> services = TRY(project.InOrder(options.services, /*with_dependencies=*/false));
  Progress progress(context.session.console);
  TRY(PullAll(context.session, ImagesToPull(project, services), progress));
  return 0;
}

// Those that are built here.
Result<int> Do(const Context& context, const Push& options) {
  Project project = TRY(OpenProject(context.session.console, context.options, options.services));
  for (const std::string& name : TRY(project.InOrder(options.services, /*with_dependencies=*/false))) {
    const Service& service = project.Named(name);
    if (!service.Has("build") || !service.Has("image")) continue;
    TRY(Perform(context.session, PushOptions{.image = service.Text("image")}));
  }
  return 0;
}

Result<int> Do(const Context& context, const Build& options) {
  Project project = TRY(OpenProject(context.session.console, context.options, options.services));
  for (const std::string& name : TRY(project.InOrder(options.services, /*with_dependencies=*/false))) {
    const Service& service = project.Named(name);
    if (service.Has("build")) TRY(BuildImage(context.session, project, service));
  }
  return 0;
}

Result<int> Do(const Context& context, const Images& options) {
  const Session& session = context.session;
  std::string project = TRY(NameOfProject(session.console, context.options));
  std::vector<nlohmann::json> rows;
  for (const api::Container& container : TRY(ContainersOf(session.daemon, project, /*all=*/true))) {
    if (options.quiet) {
      TRY(session.console.Print(Printable(ShortId(container.image_id())) + "\n"));
      continue;
    }
    rows.push_back({{"Container", container.name()},
                    {"Image", container.spec().image()},
                    {"ID", ShortId(container.image_id())}});
  }
  if (!options.quiet)
    TRY(PrintRows(session.console, /*format=*/"",
                  {{"CONTAINER", "Container"}, {"IMAGE", "Image"}, {"IMAGE ID", "ID"}}, rows));
  return 0;
}

}  // namespace davit::cli::compose
