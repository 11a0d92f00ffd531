// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// image verify and image repair.
#include <nlohmann/json.hpp>

#include "cli/credentials.h"
#include "cli/image_list.h"
#include "cli/registry_name.h"
#include "cli/text.h"
#include "cli/transfer_display.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

using nlohmann::json;

constexpr int kBad = 1;  // the exit status if an image is not whole

std::string NameOf(const api::ImageHealth& image) {
  return Printable(image.tags().empty() ? ShortId(image.id()) : image.tags(0));
}

std::string StateText(api::LayerHealth::State state) {
  switch (state) {
    case api::LayerHealth::WHOLE:
      return "ok";
    case api::LayerHealth::UNKNOWN:
      return "not recorded";
    case api::LayerHealth::DAMAGED:
      return "damaged";
    case api::LayerHealth::MISSING:
      return "missing";
    default:
      return "unknown state";
  }
}

bool IsBad(const api::LayerHealth& layer) {
  return layer.state() == api::LayerHealth::DAMAGED || layer.state() == api::LayerHealth::MISSING;
}

std::string Problems(const api::LayerHealth& layer) {
  std::string text = "  layer " + ShortId(layer.chain_id()) + ": " + StateText(layer.state());
  if (layer.problems() > 0) text += ", " + std::to_string(layer.problems()) + " problem(s)";
  text += "\n";
  for (const std::string& example : layer.examples()) text += "    " + Printable(example) + "\n";
  if (layer.problems() > static_cast<uint64_t>(layer.examples_size())) text += "    ...\n";
  return text;
}

// What is wrong, one line each; empty if nothing is.
std::string Problems(const api::ImageHealth& image) {
  std::string text;
  if (image.incomplete()) text += "  no container can use it until it is repaired or pulled\n";
  for (const std::string& reason : image.bad_documents()) text += "  " + Printable(reason) + "\n";
  for (const std::string& digest : image.bad_blobs())
    text += "  blob " + Printable(digest) + ": other content\n";
  for (const api::LayerHealth& layer : image.layers())
    if (IsBad(layer)) text += Problems(layer);
  return text;
}

// "2 layers, 412 files"
std::string Summary(const api::ImageHealth& image) {
  uint64_t entries = 0;
  int unknown = 0;
  for (const api::LayerHealth& layer : image.layers()) {
    entries += layer.entries();
    unknown += layer.state() == api::LayerHealth::UNKNOWN ? 1 : 0;
  }
  std::string text = std::to_string(image.layers_size()) + " layers, " + std::to_string(entries) + " files";
  if (unknown > 0) text += "; " + std::to_string(unknown) + " layers of an older release were not compared";
  return text;
}

json ToJson(const api::LayerHealth& layer) {
  return {{"chainId", layer.chain_id()},
          {"state", StateText(layer.state())},
          {"entries", layer.entries()},
          {"bytes", layer.bytes()},
          {"problems", layer.problems()},
          {"examples", std::vector<std::string>(layer.examples().begin(), layer.examples().end())}};
}

json ToJson(const api::ImageHealth& image) {
  json value = {
      {"id", image.id()},
      {"tags", std::vector<std::string>(image.tags().begin(), image.tags().end())},
      {"whole", image.whole()},
      {"incomplete", image.incomplete()},
      {"badBlobs", std::vector<std::string>(image.bad_blobs().begin(), image.bad_blobs().end())},
      {"badDocuments", std::vector<std::string>(image.bad_documents().begin(), image.bad_documents().end())},
      {"layers", json::array()}};
  for (const api::LayerHealth& layer : image.layers()) value["layers"].push_back(ToJson(layer));
  return value;
}

// Those that the user named, else all.
Result<std::vector<std::string>> Wanted(const Session& session, const std::vector<std::string>& names) {
  if (!names.empty()) return names;
  std::vector<std::string> ids;
  for (const api::Image& image : TRY(ListImages(session.daemon, {}))) ids.push_back(image.id());
  return ids;
}

struct Repaired {
  api::ImageHealth found;
  std::optional<Error> failure;
};

Result<Repaired> Repair(const Session& session, const std::string& name) {
  api::RepairImageRequest request;
  request.set_image(name);
  for (api::Credentials& credentials : TRY(FindSourceCredentials(session, {name})))
    *request.add_source_credentials() = std::move(credentials);
  Repaired repaired;
  std::optional<TransferDisplay> display;
  bool show = session.console.format == OutputFormat::kTable;
  Result<> done = session.daemon.Read<api::RepairImageRequest, api::RepairImageResponse>(
      &OwnImageStub::Repair, request,
      [&](const api::RepairImageResponse& message) {
        if (message.has_found()) repaired.found = message.found();
        if (message.layers().empty() || !show) return;
        if (!display) display.emplace(session.console.err, Transfer::kPull);
        display->Apply(message.layers());
      },
      CallMode::kPatient);
  if (!done && repaired.found.id().empty()) return std::unexpected(std::move(done).error());
  if (!done) repaired.failure = std::move(done).error();
  return repaired;
}

std::string ToText(const Repaired& repaired) {
  std::string name = NameOf(repaired.found);
  if (repaired.found.whole()) return name + ": ok (" + Summary(repaired.found) + ")\n";
  std::string outcome =
      repaired.failure ? "not repaired: " + Printable(repaired.failure->ToString()) : "repaired";
  return name + ": " + outcome + "\n" + Problems(repaired.found);
}

}  // namespace

Result<int> Perform(const Session& session, const ImageVerifyOptions& options) {
  api::VerifyImagesRequest request;
  for (const std::string& image : options.images) request.add_images(image);
  request.set_quick(options.quick);
  bool whole = true;
  bool as_json = session.console.format == OutputFormat::kJson;
  json list = json::array();
  Result<> printed;
  TRY((session.daemon.Read<api::VerifyImagesRequest, api::VerifyImagesResponse>(
      &OwnImageStub::Verify, request,
      [&](const api::VerifyImagesResponse& message) {
        const api::ImageHealth& image = message.image();
        whole = whole && image.whole();
        if (as_json) return list.push_back(ToJson(image));
        std::string text =
            image.whole() ? ": ok (" + Summary(image) + ")\n" : ": damaged\n" + Problems(image);
        if (printed) printed = session.console.Print(NameOf(image) + text);
      },
      CallMode::kPatient)));
  if (as_json) printed = session.console.PrintJson(list);
  TRY(printed);
  return whole ? 0 : kBad;
}

Result<int> Perform(const Session& session, const ImageRepairOptions& options) {
  bool whole = true;
  json list = json::array();
  for (const std::string& name : TRY(Wanted(session, options.images))) {
    Repaired repaired = TRY(Repair(session, name));
    whole = whole && !repaired.failure;
    if (session.console.format == OutputFormat::kTable) {
      TRY(session.console.Print(ToText(repaired)));
      continue;
    }
    json value = ToJson(repaired.found);
    value["repaired"] = !repaired.found.whole() && !repaired.failure;
    if (repaired.failure) value["error"] = repaired.failure->ToString();
    list.push_back(std::move(value));
  }
  if (session.console.format == OutputFormat::kJson) TRY(session.console.PrintJson(list));
  return whole ? 0 : kBad;
}

}  // namespace davit::cli
