// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {PresentationVerifier} from "../src/PresentationVerifier.sol";
import {Presentations} from "./Presentations.sol";

/// @title Presents and withdraws at random, and counts.
contract Presenter is Presentations {
    mapping(uint256 => uint256) public presented;
    mapping(uint256 => bool) public isWithdrawn;

    constructor() {
        deployVerifier();
    }

    function tryToPresent(uint256 kept, bool asItself, uint256 raisedBy) external {
        kept %= KEPT;
        PresentationVerifier.Presentation memory presentation = load(kept);
        uint256 nullifier = presentation.nullifier;
        // Sometimes the same residue in another form.
        presentation.nullifier += (raisedBy % 4 == 0 ? 1 : 0) * FIELD_MODULUS;
        bool ought = asItself && raisedBy % 4 != 0 && presented[kept] == 0 && !isWithdrawn[kept];
        vm.prank(asItself ? callerOf(kept) : OUTSIDER);
        (bool ok,) = address(verifier).call(abi.encodeCall(PresentationVerifier.present, (presentation)));
        isTrue(ok == ought);
        if (ok) ++presented[kept];
        equal(inputsOf(kept)[1], nullifier);
    }

    function withdrawOne(uint256 kept, address sender) external {
        // Seldom, so that something is left to present.
        if (kept % 5 != 0) return;
        kept = kept / 5 % KEPT;
        withdraw(sender, withdrawalKeyOf(kept));
        isWithdrawn[kept] = true;
    }

    function stateOf(uint256 kept) external view returns (PresentationVerifier.NullifierStatus memory) {
        return verifier.statusOf(inputsOf(kept)[1]);
    }
}

/// @title What holds of nullifiers after any sequence of presentations and withdrawals.
contract NullifierInvariantTest is Presentations {
    Presenter internal presenter;

    function setUp() public {
        presenter = new Presenter();
        // Construction's cheat codes end with it.
        vm.warp(START);
        vm.chainId(31_337);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(presenter);
    }

    function invariant_a_nullifier_is_presented_at_most_once_and_a_withdrawal_stays() public view {
        for (uint256 kept = 0; kept < KEPT; ++kept) {
            PresentationVerifier.NullifierStatus memory status = presenter.stateOf(kept);
            isTrue(presenter.presented(kept) <= 1);
            isTrue((status.presentedAt != 0) == (presenter.presented(kept) == 1));
            isTrue((status.state == PresentationVerifier.NullifierState.Withdrawn) == presenter.isWithdrawn(kept));
        }
    }
}
