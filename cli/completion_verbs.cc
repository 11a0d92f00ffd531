// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/completion_verbs.h"

#include <algorithm>
#include <vector>

#include "cli/completion_scripts.h"
#include "cli/containers.h"
#include "cli/image_filter.h"
#include "cli/image_list.h"
#include "cli/text.h"
#include "cli/user_networks.h"

namespace davit::cli {
namespace {

Result<std::vector<std::string>> ImageNames(const Daemon& daemon) {
  std::vector<std::string> names;
  for (const api::Image& image : TRY(ListImages(daemon, api::ListImagesRequest())))
    for (const std::string& tag : image.tags()) names.push_back(FamiliarName(tag));
  return names;
}

Result<std::vector<std::string>> VolumeNames(const Daemon& daemon) {
  std::vector<std::string> names;
  TRY((daemon.Read<api::ListVolumesRequest, api::ListVolumesResponse>(
      &VolumeStub::List, {}, [&names](const api::ListVolumesResponse& part) {
        for (const api::Volume& volume : part.volumes()) names.push_back(volume.name());
      })));
  return names;
}

Result<std::vector<std::string>> NamesOf(const Daemon& daemon, Things things) {
  std::vector<std::string> names;
  switch (things) {
    case Things::kContainers:
    case Things::kRunningContainers:
      for (const api::Container& container : TRY(ListContainers(daemon, things == Things::kContainers)))
        names.push_back(container.name());
      return names;
    case Things::kImages:
      return ImageNames(daemon);
    case Things::kVolumes:
      return VolumeNames(daemon);
    case Things::kNetworks:
      for (const api::Network& network : TRY(ListUserNetworks(daemon))) names.push_back(network.name());
      return names;
    case Things::kNone:
      break;
  }
  return names;
}

std::vector<std::string> NamesAt(const std::string& address, Things things) {
  if (things == Things::kNone) return {};
  Result<Interrupt> interrupt = Interrupt::OfSignals();
  if (!interrupt) return {};
  Result<Daemon> daemon = Daemon::Connect(address, *interrupt);
  if (!daemon) return {};
  return NamesOf(*daemon, things).value_or(std::vector<std::string>());
}

}  // namespace

Result<int> PrintCompletionScript(const Console& console, const CompletionOptions& options) {
  TRY(console.Print(CompletionScript(options.shell)));
  return 0;
}

Result<int> PrintCandidates(const Console& console, const std::string& address,
                            const CompleteOptions& options) {
  const Completion& completion = options.completion;
  std::string text;
  for (const Candidate& candidate : completion.candidates)
    text += candidate.word + (candidate.help.empty() ? "" : "\t" + candidate.help) + "\n";
  std::vector<std::string> names = NamesAt(address, completion.things);
  std::ranges::sort(names);
  for (const std::string& name : names) {
    std::string word = completion.before + Printable(name);
    if (word.starts_with(options.begun)) text += word + "\n";
  }
  TRY(console.Print(text + (completion.files ? ":files\n" : ":words\n")));
  return 0;
}

Result<int> Perform(const Session& session, const CompletionOptions& options) {
  return PrintCompletionScript(session.console, options);
}

Result<int> Perform(const Session& session, const CompleteOptions& options) {
  return PrintCandidates(session.console, session.daemon.address(), options);
}

}  // namespace davit::cli
