// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/time.h"
#include "images/compose/image_documents.h"
#include "images/compose/layer_intake.h"
#include "images/reference.h"
#include "local/filesystems.h"

namespace davit::local {
namespace {

using images::ConfigChanges;
using Texts = google::protobuf::RepeatedPtrField<std::string>;

// A larger one could be neither pulled nor loaded anywhere.
constexpr size_t kMostConfigBytes = 1 << 20;

std::vector<std::string> ListOf(const Texts& texts) {
  return {texts.begin(), texts.end()};
}

Result<std::string> TagOf(const std::string& name) {
  if (name.empty()) return std::string();
  images::Reference reference = TRY(images::ParseReference(name));
  if (reference.digest.empty()) return reference.Normalised();
  return Fail(Code::kInvalidArgument, "name image", name, "a name has no digest");
}

const char* NameOf(api::PortMapping::Protocol protocol) {
  switch (protocol) {
    case api::PortMapping::UDP:
      return "udp";
    case api::PortMapping::SCTP:
      return "sctp";
    default:
      return "tcp";
  }
}

// What the container was created with stays with its image, as in Docker.
ConfigChanges ChangesOf(const api::ContainerSpec& spec) {
  ConfigChanges changes;
  if (spec.entrypoint_size() > 0) changes.entrypoint = ListOf(spec.entrypoint());
  if (spec.command_size() > 0) changes.command = ListOf(spec.command());
  changes.env = ListOf(spec.env());
  changes.labels.insert(spec.labels().begin(), spec.labels().end());
  for (const api::PortMapping& port : spec.ports())
    changes.exposed_ports.push_back(std::to_string(port.container_port()) + "/" + NameOf(port.protocol()));
  if (!spec.user().empty()) changes.user = spec.user();
  if (!spec.working_dir().empty()) changes.working_dir = spec.working_dir();
  if (spec.stop_signal() != 0) changes.stop_signal = std::to_string(spec.stop_signal());
  return changes;
}

ConfigChanges ChangesOf(const api::ImageChanges& wanted) {
  ConfigChanges changes;
  if (wanted.has_entrypoint()) changes.entrypoint = ListOf(wanted.entrypoint().words());
  if (wanted.has_command()) changes.command = ListOf(wanted.command().words());
  changes.env = ListOf(wanted.env());
  changes.labels.insert(wanted.labels().begin(), wanted.labels().end());
  changes.exposed_ports = ListOf(wanted.exposed_ports());
  changes.volumes = ListOf(wanted.volumes());
  if (wanted.has_user()) changes.user = wanted.user();
  if (wanted.has_working_dir()) changes.working_dir = wanted.working_dir();
  if (wanted.has_stop_signal()) changes.stop_signal = wanted.stop_signal();
  changes.on_build = ListOf(wanted.on_build());
  return changes;
}

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

Result<images::ImageDocuments> Compose(const images::ImageRecord* base, const images::Platform& platform,
                                       const std::vector<ConfigChanges>& changes,
                                       const images::NewLayer& layer, const images::HistoryEntry& entry) {
  images::ImageDocuments documents = TRY(images::ComposeImage(base, platform, changes, layer, entry));
  if (documents.config_json.size() <= kMostConfigBytes) return documents;
  return Fail(Code::kInvalidArgument, "make image", "", "its configuration would be longer than 1 MiB");
}

}  // namespace

Result<api::CommitContainerResponse> Filesystems::Commit(const api::CommitContainerRequest& request,
                                                         int64_t deadline_ms,
                                                         const images::Interrupt& interrupt) {
  std::string tag = TRY(TagOf(request.name()));
  LocalContainers::Changes container = TRY(ports_.containers.OpenChanges(request.container(), deadline_ms));
  images::ImageRecord base = TRY(ports_.images.images.Read(container.image_id));
  auto intake = TRY(images::LayerIntake::Start(ports_.images, interrupt));
  RootfsRequest pack;
  pack.verb = RootfsVerb::kPackChanges;
  pack.tree = RootfsTree::kDirectory;
  pack.has_base = container.base.valid();
  Job job{std::move(pack), std::move(container.changes), std::move(container.base), container.visit.get(),
          request.container()};
  RootfsReport report = TRY(Run(std::move(job), interrupt, [&intake](RootfsProcess& process) {
    return process.EndInput([&intake](std::string_view piece) { return intake->Write(piece); });
  }));
  images::HistoryEntry entry{FormatRfc3339Nano(ports_.clock.UnixNanoseconds()),
                             Joined(container.command_line), request.author(), request.message()};
  auto documents = TRY(Compose(&base, ports_.images.images.platform(),
                               {ChangesOf(container.spec), ChangesOf(request.changes())},
                               {intake->Describe(), report.diff_id}, entry));
  api::CommitContainerResponse response;
  response.set_id(TRY(intake->AddImage(std::move(documents), tag)));
  *response.mutable_done() = SummaryOf(report);
  return response;
}

// The layer is in one form, whatever the archive's was: the process that compresses it also digests it.
Result<std::string> Filesystems::Import(const api::ImportFilesystemRequest::Header& header,
                                        const images::Interrupt& interrupt, const Source& source) {
  std::string tag = TRY(TagOf(header.name()));
  auto intake = TRY(images::LayerIntake::Start(ports_.images, interrupt));
  auto keep = [&intake](std::string_view piece) { return intake->Write(piece); };
  RootfsRequest recompress;
  recompress.verb = RootfsVerb::kRecompress;
  recompress.tree = RootfsTree::kDirectory;
  UniqueFd directory = TRY(intake->OpenDirectory());
  Job job{std::move(recompress), std::move(directory), UniqueFd(), nullptr, ""};
  RootfsReport report = TRY(Run(std::move(job), interrupt, [&](RootfsProcess& process) -> Result<> {
    TRY(source([&](std::string_view piece) { return process.Write(piece, keep); }));
    return process.EndInput(keep);
  }));
  images::HistoryEntry entry{FormatRfc3339Nano(ports_.clock.UnixNanoseconds()), "", "", header.message()};
  auto documents = TRY(Compose(nullptr, ports_.images.images.platform(), {ChangesOf(header.changes())},
                               {intake->Describe(), report.diff_id}, entry));
  return intake->AddImage(std::move(documents), tag);
}

}  // namespace davit::local
