// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {Consortium} from "../src/Consortium.sol";
import {EvidenceAnchor} from "../src/EvidenceAnchor.sol";
import {IssuerRegistry} from "../src/IssuerRegistry.sol";
import {PresentationVerifier} from "../src/PresentationVerifier.sol";
import {Presentations} from "./Presentations.sol";

/// @title The gas of whole transactions, calldata included, in snapshots/Gas.json. Every call below is isolated as a
/// transaction of its own: see `isolate` in foundry.toml.
contract GasTest is Presentations {
    function setUp() public {
        deployVerifier();
    }

    function measure(address sender, address target, bytes memory data, string memory name)
        internal
        returns (uint256 gas)
    {
        done(sender, target, data);
        gas = vm.snapshotGasLastCall("Gas", name);
    }

    function atMost(uint256 gas, uint256 limit) internal pure {
        isTrue(gas <= limit);
    }

    function measurePresent(uint256 kept, string memory name) internal returns (uint256) {
        bytes memory call = abi.encodeCall(PresentationVerifier.present, (load(kept)));
        return measure(callerOf(kept), address(verifier), call, name);
    }

    function test_present() public {
        atMost(measurePresent(TYPICAL, "present: fixed operands and a day"), 289_000);
        atMost(measurePresent(BY_CONTRACT, "present: a disclosed operand and a day"), 400_000);
        atMost(measurePresent(ALL_DISCLOSED, "present: eight disclosed operands"), 400_000);
    }

    function test_withdraw() public {
        bytes memory call = abi.encodeCall(PresentationVerifier.withdraw, (withdrawalKeyOf(TYPICAL)));
        atMost(measure(OUTSIDER, address(verifier), call, "withdraw: never presented"), 80_000);
        present(BY_CONTRACT);
        call = abi.encodeCall(PresentationVerifier.withdraw, (withdrawalKeyOf(BY_CONTRACT)));
        atMost(measure(OUTSIDER, address(verifier), call, "withdraw: presented"), 80_000);
    }

    function test_registerPolicy() public {
        bytes memory call = abi.encodeCall(PresentationVerifier.registerPolicy, (policyOf(TYPICAL)));
        measure(OUTSIDER, address(verifier), call, "registerPolicy");
    }

    function measurePublish(uint256 flips, string memory name) internal returns (uint256) {
        bytes memory indices;
        for (uint256 i = 0; i < flips; ++i) {
            indices = abi.encodePacked(indices, uint24(128 * i + 127));
        }
        uint256 expected = registry.entryAt(0).statusRoot;
        uint256 root = uint256(keccak256(abi.encode(flips))) >> 8;
        bytes memory call = abi.encodeCall(IssuerRegistry.publishStatus, (0, expected, root, indices));
        return measure(issuer, address(registry), call, name);
    }

    function test_publishStatus() public {
        atMost(measurePublish(1, "publishStatus: 1 flip"), 500_000);
        atMost(measurePublish(64, "publishStatus: 64 flips"), 500_000);
        measurePublish(1024, "publishStatus: 1024 flips");
    }

    function test_suspend() public {
        measure(members[2], address(registry), abi.encodeCall(IssuerRegistry.suspend, (0)), "suspend");
    }

    function measureExecution(bytes memory data, string memory name) internal {
        bytes memory execute = abi.encodeCall(Consortium.execute, (approved(address(registry), data)));
        measure(members[0], address(consortium), execute, name);
    }

    function test_governance() public {
        bytes memory accredits = abi.encodeCall(IssuerRegistry.accredit, (request(OUTSIDER, 1)));
        bytes memory propose = abi.encodeCall(Consortium.propose, (address(registry), accredits));
        measure(members[0], address(consortium), propose, "propose: accredit");
        measure(members[1], address(consortium), abi.encodeCall(Consortium.approve, (1)), "approve");
        measureExecution(accredits, "execute: accredit");
        done(members[0], address(registry), abi.encodeCall(IssuerRegistry.suspend, (0)));
        measureExecution(abi.encodeCall(IssuerRegistry.lift, (0)), "execute: lift");
        measureExecution(abi.encodeCall(IssuerRegistry.end, (0)), "execute: end");
    }

    function test_anchor() public {
        EvidenceAnchor anchors = new EvidenceAnchor();
        for (uint256 i = 1; i <= 2; ++i) {
            EvidenceAnchor.Batch memory batch = EvidenceAnchor.Batch("audit-log", 1, keccak256(abi.encode(i)), 1000);
            bytes memory call = abi.encodeCall(EvidenceAnchor.anchor, (batch));
            measure(OUTSIDER, address(anchors), call, i == 1 ? "anchor: the first of a kind" : "anchor: another");
        }
    }
}
